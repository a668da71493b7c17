from __future__ import annotations

import math

import pytest

from nandoctor.facts import SourceLine, TripFacts
from nandoctor.rules.training.nonfinite_learning_rate import NonfiniteLearningRate

NAN = math.nan


def test_a_schedule_that_gives_nan(history_of, run_of):
    history = history_of([1.0, 0.9, 0.8], rates=[0.02, 0.01, NAN])
    trip = TripFacts("learning-rate", 2, learning_rate=NAN, bad=("learning rate",))

    (finding,) = NonfiniteLearningRate().check(run_of(history, trip, schedule="RootDecay"))

    assert (finding.severity, finding.location.phase) == ("error", "update")
    assert finding.evidence["rate_before"] == 0.01
    assert "is NaN at step 2" in finding.message
    assert "the schedule RootDecay" in finding.message


def test_the_line_of_the_schedule_that_makes_it(history_of, run_of):
    line = SourceLine("train.py", 7, "__call__", "return tf.math.rsqrt(step)")
    trip = TripFacts("learning-rate", 0, learning_rate=math.inf, rate_made=("Rsqrt", line))

    (finding,) = NonfiniteLearningRate().check(run_of(history_of([1.0], rates=[math.inf]), trip, schedule="WarmUp"))

    assert (finding.location.file, finding.location.line) == ("train.py", 7)
    assert finding.message.endswith("the schedule's Rsqrt gives NaN or Inf from finite numbers.")


def test_a_negative_rate_climbs(history_of, run_of):
    (finding,) = NonfiniteLearningRate().check(run_of(history_of([1.0] * 4, rates=[0.1, 0.05, -0.05, -0.1])))

    assert finding.location.step == 2
    assert finding.evidence == {"rate": -0.05, "steps": 2, "rate_before": 0.05}
    assert "climbs the loss" in finding.message


@pytest.mark.parametrize("rates", [0.1, 0.0, [0.0, 0.1, 0.2, 0.0]])
def test_rates_from_zero_up_are_silent(rates, history_of, run_of):
    assert not list(NonfiniteLearningRate().check(run_of(history_of([1.0] * 4, rates=rates))))


def test_without_a_record_the_trip_is_told(run_of):
    (finding,) = NonfiniteLearningRate().check(run_of(None, TripFacts("learning-rate", 7)))

    assert "is NaN at step 7" in finding.message
