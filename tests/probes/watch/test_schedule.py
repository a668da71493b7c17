"""When a training is looked at, on a clock that the test moves."""

from __future__ import annotations

import time

import pytest

from nandoctor.probes.watch.schedule import Schedule


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    monkeypatch.setattr(time, "process_time", clock)
    return clock


def test_looks_take_two_percent_of_the_time(clock: Clock) -> None:
    schedule = Schedule(begun=clock.now, worked=clock.now)
    clock.wait(10.0)
    schedule.look(1, lambda: clock.wait(1.0))

    clock.wait(88.0)
    assert not schedule.look_due(500)
    clock.wait(1.0)
    assert schedule.look_due(501)

    schedule.look(501, lambda: clock.wait(1.0))
    assert schedule.spent == 2.0
    assert not schedule.look_due(10_000)


def test_what_is_prepared_for_a_look_counts_as_part_of_it(clock: Clock) -> None:
    schedule = Schedule(begun=clock.now, worked=clock.now)
    with schedule.preparing():
        clock.wait(3.0)
    schedule.look(1, lambda: clock.wait(1.0))
    assert schedule.spent == 4.0

    clock.wait(395.0)
    assert not schedule.look_due(500)
    clock.wait(1.0)
    assert schedule.look_due(501)


def test_a_script_that_waits_is_not_training(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Clock()
    monkeypatch.setattr(time, "process_time", work)
    schedule = Schedule(begun=clock.now, worked=work.now)
    schedule.look(1, lambda: clock.wait(1.0))
    schedule.read(lambda: clock.wait(0.001))

    clock.wait(1000.0)
    work.wait(0.9)
    assert not schedule.reading_due()
    assert not schedule.look_due(1000)
    work.wait(99.2)
    assert schedule.reading_due()
    assert schedule.look_due(1001)


def test_the_first_look_is_not_asked_for_since_it_is_at_the_first_step(clock: Clock) -> None:
    schedule = Schedule(begun=clock.now, worked=clock.now)
    clock.wait(1000.0)

    assert not schedule.look_due(0)


def test_looks_at_every_so_manyth_step_take_what_they_take(clock: Clock) -> None:
    schedule = Schedule(every=10, begun=clock.now, worked=clock.now)
    schedule.look(1, lambda: clock.wait(5.0))

    assert not schedule.look_due(9)
    assert schedule.look_due(10)


def test_a_record_that_is_slow_to_read_is_read_rarely(clock: Clock) -> None:
    schedule = Schedule(begun=clock.now, worked=clock.now)
    assert schedule.reading_due()
    schedule.read(lambda: clock.wait(0.001))
    assert not schedule.reading_due()
    clock.wait(1.0)
    assert schedule.reading_due()

    schedule.read(lambda: clock.wait(0.1))
    clock.wait(19.0)
    assert not schedule.reading_due()
    clock.wait(1.5)
    assert schedule.reading_due()


def test_nothing_is_due_where_no_looks_are_wanted(clock: Clock) -> None:
    schedule = Schedule(looks=False, begun=clock.now, worked=clock.now)
    clock.wait(1000.0)

    assert not schedule.reading_due()
    assert not schedule.look_due(100)
