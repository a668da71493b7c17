from __future__ import annotations

from dataclasses import replace

from nandoctor.diagnosis.moment import at_the_end, at_the_trip, in_the_files, repeated_rows, with_earlier
from nandoctor.facts import DataFacts, TripFacts
from nandoctor.finding import Finding, Location, Report, ReportSubject, Summary, Tool

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


TOOL = Tool("nandoctor", "0.1.0", "2.21.0", "3.15.1", "3.11.7")


def report(*findings: Finding) -> Report:
    return Report(TOOL, ReportSubject("script", "train.py"), Summary(len(findings), 0, 0, "healthy"), findings)


def test_what_was_found_before_is_told_where_it_was_not_found_again() -> None:
    lasting, passing = finding(Location(layer="dense")), replace(finding(Location(step=20)), cause="dead-relu")

    found = with_earlier(report(lasting), [replace(lasting, location=Location(step=20)), passing])

    assert {one.cause for one in found.findings} == {"log-of-zero", "dead-relu"}
    assert {one.location.step for one in found.findings} == {None, 20}
    assert found.summary.error == 2


def test_origins_are_the_same_where_their_ops_are() -> None:
    first = replace(finding(Location(op="loss/Log")), about="origin:3")
    second = replace(finding(Location(op="loss/Log")), about="origin:5")

    assert len(with_earlier(report(first), [second]).findings) == 1


def test_rows_are_told_by_the_lines_that_they_were_read_from() -> None:
    data = DataFacts("the arrays given to fit", 9, (), lines=((4, "a.csv", 6), (7, "a.csv", 2)))
    found = finding(Location(dataset_rows=(7, 4)))
    unknown = finding(Location(dataset_rows=(7, 5)))

    assert in_the_files(found, data).location.dataset_lines == ("a.csv:2", "a.csv:6")
    assert in_the_files(unknown, data).location.dataset_lines is None
    assert in_the_files(found, None) is found


def test_only_rows_that_are_told_are_said_to_stand_there_more_than_once() -> None:
    data = DataFacts("the arrays given to fit", 9, (), repeated=(2, 5))
    found = finding(Location(rows=(1,)), finding(Location(rows=(5, 1))))

    assert repeated_rows([found], data) == (
        "The data holds row 5 of the batch more than once; the first place is told.",
    )
    assert repeated_rows([finding(Location(rows=(1,)))], data) == ()
    assert repeated_rows([found], None) == ()
