"""The remedies of a report with what came of trying them, the smallest that suffices first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from nandoctor.facts.trial import REACHES, Reach, Trial, tried
from nandoctor.finding import Finding, Remedy, Report

VERDICTS = ("verified", "untried", "not-enough")
Try = Callable[[Finding], Mapping[str, Trial]]
"""Tries the remedies of a finding: trials by the remedy's id; those that it knows nothing of are left out."""


def treated(report: Report, attempt: Try) -> Report:
    """The report with the remedies of its errors and warnings tried."""
    found = tuple(one if one.severity == "note" else with_trials(one, attempt(one)) for one in report.findings)
    return replace(report, findings=found)


def with_trials(finding: Finding, trials: Mapping[str, Trial]) -> Finding:
    """The finding with the verdicts of its remedies: what helps first, and of that what changes least.

    Where some were tried and none is enough, the message says so.
    """
    if not trials:
        return finding
    remedies = [tried(one, trials[one.id]) if one.id in trials else one for one in finding.remedies]
    verdicts = {one.verdict for one in remedies}
    message = finding.message
    if "not-enough" in verdicts and "verified" not in verdicts:
        message = f"{message} {_no_help(sum(one.verdict == 'not-enough' for one in remedies))}"
    return replace(finding, message=message, remedies=tuple(sorted(remedies, key=_order(trials))))


def _no_help(tried: int) -> str:
    if tried == 1:
        return "The one remedy that was tried is not enough."
    return f"None of the {tried} remedies that were tried is enough."


def _order(trials: Mapping[str, Trial]) -> Callable[[Remedy], tuple[int, int]]:
    """By verdict, then by reach; the sort leaves the rule's order among equals."""

    def key(remedy: Remedy) -> tuple[int, int]:
        reach: Reach = trials[remedy.id].reach if remedy.id in trials else "model"
        return VERDICTS.index(remedy.verdict), REACHES.index(reach) if remedy.verdict == "verified" else 0

    return key
