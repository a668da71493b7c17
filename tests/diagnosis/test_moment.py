from __future__ import annotations

from nandoctor.diagnosis.moment import at_the_end, at_the_trip
from nandoctor.facts import TripFacts
from nandoctor.finding import Finding, Location

TRIP = TripFacts("gradient", step=7, epoch=1, batch=2)


def finding(location: Location, *consequences: Finding) -> Finding:
    return Finding("ND201", "log-of-zero", "error", "", "", location=location, consequences=consequences)


def test_what_was_replayed_happened_at_the_trip() -> None:
    replayed = finding(Location(op="loss/Log", batch=0, rows=(3,)), finding(Location(layer="dense")))

    found = at_the_trip(replayed, TRIP)

    assert found.location == Location(op="loss/Log", step=7, epoch=1, batch=2, rows=(3,))
    assert found.consequences[0].location == Location(layer="dense", step=7, epoch=1, batch=2)


def test_a_rule_that_names_another_time_is_left_alone() -> None:
    earlier = finding(Location(step=3))

    assert at_the_trip(earlier, TRIP) == earlier


def test_without_a_trip_the_number_of_the_batch_in_the_replay_is_left_out() -> None:
    looked_at = finding(Location(op="loss/Log", batch=0, rows=(3,)))

    assert at_the_end(looked_at).location == Location(op="loss/Log", rows=(3,))
