"""The report on source that was read, not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nandoctor.diagnosis.applying import applied, rule_pages
from nandoctor.facts import Facts, SourceFacts
from nandoctor.finding import CONFIDENCES, SEVERITIES, Finding, Report, ReportSubject, Summary
from nandoctor.policy import Policy
from nandoctor.rule import load_rules
from nandoctor.wording import listing, plural

ROOM = "source"


def lint_report(facts: Facts, policy: Policy | None = None) -> Report:
    """The report on source alone, by the rules as the project wants them; ValueError where nothing was read."""
    if facts.source is None:
        raise ValueError("there are no source facts")
    policy = policy or Policy()
    rules = load_rules(ROOM)
    found, skipped = applied(rules, facts, policy)
    kept = not_ignored(found, facts.source)
    # What is written twice in a line is told once.
    told: dict[object, Finding] = {}
    for one in kept:
        if not policy.hides(one):
            told.setdefault((_order(one), one.message), one)
    ordered = tuple(sorted(told.values(), key=_order))
    return Report(
        tool=facts.tool,
        subject=ReportSubject("script", listing(facts.source.paths, 3)),
        summary=Summary.of(ordered),
        findings=ordered,
        examined=tuple(_examined(facts.source)),
        notices=tuple(_notices(facts.source, len(found) - len(kept))),
        skipped=skipped,
        pages=rule_pages(rules, ordered),
    )


def not_ignored(findings: Sequence[Finding], source: SourceFacts) -> list[Finding]:
    """The findings that no comment in their file says to ignore."""
    files = {file.path: file for file in source.files}
    return [
        one
        for one in findings
        if one.location.file is None
        or one.location.line is None
        or not files[one.location.file].ignores(one.location.line, one.rule)
    ]


def _order(finding: Finding) -> tuple[int, str, int, int, str]:
    """By severity, then as the text goes, then by how sure it is."""
    return (
        SEVERITIES.index(finding.severity),
        finding.location.file or "",
        finding.location.line or 0,
        CONFIDENCES.index(finding.confidence),
        finding.rule,
    )


def _examined(source: SourceFacts) -> Iterator[str]:
    yield f"source: {plural(len(source.files), 'file')} read, nothing was run"
    operations = sum(len(file.operations) for file in source.files)
    pairs = sum(len(file.pairs) for file in source.files)
    rates = sum(len(file.rates) for file in source.files)
    yield f"operations: {plural(operations, 'operation')} that the text alone does not keep finite"
    yield f"models: {plural(pairs, 'pair')} of a last layer and a loss, {plural(rates, 'learning rate')}"
    if source.data is not None:
        yield f"data: {plural(len(source.data.columns), 'fault')} of columns of {source.data.path}"


def _notices(source: SourceFacts, ignored: int) -> Iterator[str]:
    for path, reason in source.unreadable:
        yield f"{path} was left out: {reason}"
    if ignored:
        yield f"{plural(ignored, 'finding')} left out, as comments in the source ask for"
