from __future__ import annotations

import pytest

from nandoctor.facts import TripFacts
from nandoctor.rules.training.unexplained_trip import UnexplainedTrip


def test_a_step_that_is_finite_in_its_replay(history_of, run_of):
    trip = TripFacts("gradient", 3, bad=("dense/kernel",), reproduced=False)

    (finding,) = UnexplainedTrip().check(run_of(history_of([3.0, 2.0, 1.0, 0.5]), trip))

    assert (finding.severity, finding.about, finding.location.phase) == ("error", "trip", "backward")
    assert "At step 3 a gradient of a finite loss was not finite (dense/kernel)" in finding.message
    assert "Run again op by op on the same batch and weights, the step was finite" in finding.message
    assert "The losses before were 3, 2, 1" in finding.message


def test_a_step_that_could_not_be_run_again(run_of):
    (finding,) = UnexplainedTrip().check(run_of(None, TripFacts("loss", 9, not_replayed="the batch was not kept")))

    assert "could not be run again: the batch was not kept." in finding.message
    assert finding.title == "Training tripped, and its step was not replayed"
    assert "limit of nandoctor" in finding.remedies[0].title


@pytest.mark.parametrize("kind", ["weights", "learning-rate"])
def test_where_the_step_itself_is_finite_a_finite_replay_says_nothing(kind, run_of):
    (finding,) = UnexplainedTrip().check(run_of(None, TripFacts(kind, 1, reproduced=False)))

    assert "the step was finite" not in finding.message


def test_a_run_without_a_trip_is_silent(run_of):
    assert not list(UnexplainedTrip().check(run_of()))
