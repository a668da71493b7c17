"""When in a training something was observed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nandoctor.diagnosis.ranking import ranked
from nandoctor.facts import DataFacts, TripFacts
from nandoctor.finding import Finding, Report, Summary
from nandoctor.wording import listing


def at_the_trip(finding: Finding, trip: TripFacts) -> Finding:
    """The finding and its consequences with the step, epoch and batch of the trip, where no rule says another time.

    What was replayed was that one batch, whose number in the replay means nothing. A batch of an evaluation is of no
    step.
    """
    location = finding.location
    if location.step is None and location.epoch is None:
        location = replace(
            location, step=None if trip.kind == "evaluation" else trip.step, epoch=trip.epoch, batch=trip.batch
        )
    return replace(
        finding, location=location, consequences=tuple(at_the_trip(one, trip) for one in finding.consequences)
    )


def at_the_end(finding: Finding) -> Finding:
    """The finding and its consequences without the number of the batch that was looked at, which is the replay's."""
    location = replace(finding.location, batch=None)
    return replace(finding, location=location, consequences=tuple(map(at_the_end, finding.consequences)))


def in_the_files(finding: Finding, data: DataFacts | None) -> Finding:
    """The finding and its consequences with the lines of files that its data rows were read from, where known."""
    rows = finding.location.dataset_rows
    if data is None or not data.lines:
        return finding
    lines = data.lines_of(rows) if rows else None
    return replace(
        finding,
        location=replace(finding.location, dataset_lines=lines),
        consequences=tuple(in_the_files(one, data) for one in finding.consequences),
    )


def repeated_rows(findings: Iterable[Finding], data: DataFacts | None) -> tuple[str, ...]:
    """What to know of the data rows that are told: which of them stand in the data more than once."""
    if data is None or not data.repeated:
        return ()
    told = {row for one in findings for finding in (one, *one.consequences) for row in finding.location.rows or ()}
    found = sorted(told.intersection(data.repeated))
    if not found:
        return ()
    what = f"{'row' if len(found) == 1 else 'rows'} {listing(found)} of the batch"
    return (f"The data holds {what} more than once; the first place is told.",)


def with_earlier(report: Report, earlier: Iterable[Finding]) -> Report:
    """The report with what was found before and is not among its findings, or follows from one of them."""
    findings = list(report.findings)
    known = {sameness(one) for root in findings for one in (root, *root.consequences)}
    for one in earlier:
        if sameness(one) not in known:
            known.add(sameness(one))
            findings.append(one)
    if len(findings) == len(report.findings):
        return report
    return replace(report, findings=ranked(findings), summary=Summary.of(findings))


def sameness(finding: Finding) -> tuple[str, str]:
    """What two looks at different steps have in common where they find the same: an origin has another number then."""
    about = finding.about or ""
    return finding.cause, (finding.location.op or "") if about.startswith("origin:") else about
