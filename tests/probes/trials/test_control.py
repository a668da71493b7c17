"""The step without an operation: trials on it tell something, or are void."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nandoctor.finding import Finding
from nandoctor.probes.trials.control import change, control, same
from nandoctor.probes.trials.patient import Patient

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(3).uniform(0.5, 1.5, (6, 4)).astype(np.float32)
W = np.array([0.3, 0.8, 1.1, 0.6], np.float32)


@pytest.fixture
def rounded() -> Callable[[Any], Any]:
    """Rounds, with a gradient that is not that of rounding."""
    import tensorflow as tf

    return tf.custom_gradient(lambda value: (tf.round(value), lambda upstream: 5.0 * upstream))


@pytest.mark.parametrize("bad", [0.0, 1.0])
def test_a_gradient_that_is_not_the_one_of_the_forward_ops_makes_every_trial_void(
    first: Callable[..., Finding], rounded: Any, bad: float
) -> None:
    import tensorflow as tf

    x = X.copy()
    x[1] = 0.0

    found = first(lambda weight, x, y: tf.reduce_sum(tf.math.log(x * weight) + bad * rounded(x * weight)), x, W)

    (clip,) = found.remedies
    void = "the step could not be differentiated anew: the gradient of weight is another one than in the run"
    assert (clip.verdict, clip.trial.get("why")) == (("untried", void) if bad else ("verified", None))


def test_what_the_script_does_with_its_gradients_is_no_difference(first: Callable[..., Finding]) -> None:
    import tensorflow as tf

    x = X.copy()
    x[1] = 0.0

    found = first(
        lambda weight, x, y: tf.reduce_mean(tf.math.log(x * weight)), x, W, after=lambda one: tf.clip_by_norm(one, 1e-3)
    )

    (clip,) = found.remedies
    assert (clip.verdict, clip.trial["rows_unchanged"], clip.trial["rows_compared"]) == ("verified", 5, 5)


def test_a_step_that_is_finite_has_nothing_to_cure(patient: Callable[..., Patient]) -> None:
    import tensorflow as tf

    found = control(patient(lambda weight, x, y: tf.reduce_mean(x * weight), X, W), 0, (), ())

    assert found.void == "the step is finite without it"


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.1], [1.0, 2.0], 0.05),
        ([np.nan, 2.0], [np.nan, 2.0], 0.0),
        ([np.nan, 2.0], [1.0, 2.0], np.inf),
        ([np.nan], [np.inf], 0.0),
        ([1e-9], [0.0], 1e-9),
    ],
)
def test_a_change_is_relative_to_the_largest_value(found: list[float], known: list[float], expected: float) -> None:
    assert change(np.array(found), np.array(known)) == pytest.approx(expected)


def test_arrays_of_another_shape_are_not_the_same() -> None:
    assert same(np.ones(2), np.ones(2), 0.0)
    assert not same(np.ones(2), np.ones((2, 1)), 1.0)
