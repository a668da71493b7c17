"""When in a training something was observed."""

from __future__ import annotations

from dataclasses import replace

from nandoctor.facts import TripFacts
from nandoctor.finding import Finding


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
