"""When in a training something was observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nandoctor.diagnosis.ranking import ranked, summary
from nandoctor.facts import Facts, TripFacts
from nandoctor.finding import Finding, Report


def at_the_trip(finding: Finding, trip: TripFacts) -> Finding:
    """The finding and its consequences with the step, epoch and batch of the trip, where no rule says another time.

    What was replayed was that one batch, whose number in the replay means nothing.
    """
    location = finding.location
    if location.step is None and location.epoch is None:
        location = replace(location, step=trip.step, epoch=trip.epoch, batch=trip.batch)
    return replace(
        finding, location=location, consequences=tuple(at_the_trip(one, trip) for one in finding.consequences)
    )


def at_the_end(finding: Finding) -> Finding:
    """The finding and its consequences without the number of the batch that was looked at, which is the replay's."""
    location = replace(finding.location, batch=None)
    return replace(finding, location=location, consequences=tuple(map(at_the_end, finding.consequences)))


def with_earlier(report: Report, looks: Sequence[tuple[Facts, Report]]) -> Report:
    """The report with what was found at earlier looks and is not found at the last one, at the steps of these looks."""
    findings = list(report.findings)
    known = {(one.cause, one.about) for one in findings}
    for facts, earlier in looks:
        step = facts.run.check_ups[0] if facts.run is not None and facts.run.check_ups else None
        for one in earlier.findings:
            if (one.cause, one.about) not in known and one.severity != "note":
                known.add((one.cause, one.about))
                findings.append(replace(one, location=replace(one.location, step=step)))
    if len(findings) == len(report.findings):
        return report
    return replace(report, findings=ranked(findings), summary=summary(findings))
