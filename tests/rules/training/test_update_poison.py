from __future__ import annotations

import math
from dataclasses import replace

import pytest

from nandoctor.facts import TripFacts
from nandoctor.rules.training.update_poison import UpdatePoison


def trip(rate=0.1, step=1):
    return TripFacts("weights", step, learning_rate=rate, bad=("words/embeddings",))


def test_it_says_what_was_finite_and_what_is_left(history_of, run_of):
    (finding,) = UpdatePoison().check(run_of(history_of([1.0, 0.9]), trip()))

    assert (finding.severity, finding.location.phase, finding.location.layer) == ("error", "update", "words")
    assert finding.evidence["gradient_norm"] == 1.0
    assert "it arose in the optimizer's own arithmetic" in finding.message


def test_a_constraint_of_the_bad_variable_is_named(history_of, run_of):
    constrained = replace(trip(), constraints=(("words/embeddings", "UnitLength"), ("out/kernel", "MaxNorm")))

    (finding,) = UpdatePoison().check(run_of(history_of([1.0, 0.9]), constrained))

    assert "in the constraint that the update ends with (UnitLength on words/embeddings)." in finding.message


@pytest.mark.parametrize(
    ("norm", "rate", "reason"),
    [(1e30, 1e10, "Their product is beyond"), (1e25, 0.1, "The square of the gradient")],
)
def test_an_overflow_is_named(norm, rate, reason, history_of, run_of):
    (finding,) = UpdatePoison().check(run_of(history_of([1.0, 0.9], [1.0, norm]), trip(rate)))

    assert reason in finding.message


def test_without_a_record_it_says_no_more_than_is_known(run_of):
    (finding,) = UpdatePoison().check(run_of(None, TripFacts("weights", 3)))

    assert math.isnan(finding.evidence["gradient_norm"])
    assert "It arose in the optimizer's arithmetic" in finding.message


@pytest.mark.parametrize("kind", ["loss", "gradient", "learning-rate", None])
def test_other_trips_are_other_causes(kind, history_of, run_of):
    assert not list(UpdatePoison().check(run_of(history_of([1.0]), kind)))
