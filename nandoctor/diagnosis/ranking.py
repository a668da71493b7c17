"""The order of findings."""

from __future__ import annotations

from collections.abc import Sequence

from nandoctor.finding import CONFIDENCES, SEVERITIES, Finding

STAGES = ("data", "weights", "head", "pass", "poisoned", "training", "hidden")


def ranked(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings by severity, then by how early they stand in the causal order, then by confidence, then by code.

    The causal order is data, initialization, loss and head, the passes (origins in order of execution), weights and
    terms of the loss that are not finite (made so by what was met in the data or the passes), training, and last what
    compiled kernels hide, which is always a consequence of something.
    """
    return tuple(sorted(findings, key=_order))


def _order(finding: Finding) -> tuple[int, int, int, int, str, str]:
    kind, _, number = (finding.about or "").partition(":")
    execution = int(number) if kind == "origin" and number.isdigit() else 0
    return (
        SEVERITIES.index(finding.severity),
        STAGES.index(_stage(finding)),
        execution,
        CONFIDENCES.index(finding.confidence),
        finding.rule,
        finding.about or "",
    )


def _stage(finding: Finding) -> str:
    if finding.cause == "hidden-nonfinite":
        return "hidden"
    if finding.cause in ("nonfinite-weights", "term-nonfinite"):
        return "poisoned"
    return {"1": "data", "4": "training", "5": "head", "6": "weights"}.get(finding.rule[2:3], "pass")
