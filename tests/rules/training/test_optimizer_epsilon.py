from __future__ import annotations

import pytest

from nandoctor.facts import TripFacts
from nandoctor.rules.training.optimizer_epsilon import OptimizerEpsilon

TRIP = TripFacts("weights", 0, bad=("hidden/kernel",))


@pytest.mark.parametrize(("epsilon", "dtype"), [(0.0, "float32"), (1e-8, "float16")])
def test_an_epsilon_that_is_zero_in_the_dtype(epsilon, dtype, run_of):
    (finding,) = OptimizerEpsilon().check(run_of(None, TRIP, name="Adam", epsilon=epsilon, dtype=dtype))

    assert (finding.severity, finding.location.phase, finding.location.layer) == ("error", "update", "hidden")
    assert finding.evidence["epsilon"] == epsilon
    assert "divides 0 by 0" in finding.message


def test_it_is_a_note_while_no_gradient_was_zero(run_of):
    (finding,) = OptimizerEpsilon().check(run_of(name="Adam", epsilon=0.0))

    assert finding.severity == "note"


def test_an_epsilon_smaller_than_the_smallest_square(run_of):
    (finding,) = OptimizerEpsilon().check(run_of(None, TRIP, name="Adam", epsilon=1e-7, dtype="float16"))

    assert finding.severity == "warning"
    assert finding.limits["epsilon"] == pytest.approx(2.44e-4, rel=1e-2)


def test_slots_that_came_with_nan(history_of, run_of):
    history = history_of([1.0, 1.0])

    (finding,) = OptimizerEpsilon().check(run_of(history, TRIP, name="Adam", epsilon=1e-7, bad_slots=("adam/m",)))

    assert finding.severity == "error"
    assert "adam/m" in finding.message


def test_of_slots_that_came_with_nan_nothing_is_known_where_nothing_was_recorded(run_of):
    (finding,) = OptimizerEpsilon().check(run_of(name="SGD", bad_slots=("sgd/m",)))

    assert "No gradient was recorded; each further update" in finding.message


def test_slots_that_a_huge_gradient_spoiled_are_not_the_cause(history_of, run_of):
    history = history_of([1.0, 1.0], gradients=[1.0, 1e25])

    assert not list(OptimizerEpsilon().check(run_of(history, TRIP, name="Adam", epsilon=1e-7, bad_slots=("adam/v",))))


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "Adam", "epsilon": 1e-7},
        {"name": "SGD"},
        {"name": "Adam", "epsilon": 1e-7, "dtype": "bfloat16"},
        {"name": "SGD", "bad_slots": ("SGD/learning_rate",)},
    ],
)
def test_usual_optimizers_are_silent(optimizer, run_of):
    assert not list(OptimizerEpsilon().check(run_of(**optimizer)))
