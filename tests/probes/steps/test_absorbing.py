"""Which additions are seen to swallow an operand, on sums that TensorFlow computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nandoctor.probes.steps.absorbing import absorbed

pytestmark = pytest.mark.tensorflow

ACTIVATIONS = np.random.default_rng(0).normal(size=(16, 4))


def summed(left: Any, right: Any, dtype: str = "float32") -> Any:
    import tensorflow as tf

    operands = [tf.constant(left, dtype), tf.constant(right, dtype)]
    return absorbed(operands, operands[0] + operands[1])


@pytest.mark.parametrize(("left", "right", "place"), [(ACTIVATIONS, 1e9, 0), (-1e9, ACTIVATIONS, 1)])
def test_activations_beside_a_billion_are_lost(left: Any, right: Any, place: int):
    found = summed(left, right)

    assert (found.small_operand, found.dtype, found.large) == (place, "float32", 1e9)
    assert found.absorbed == found.places == 32
    assert found.small == pytest.approx(np.abs(ACTIVATIONS[::2]).max(), rel=1e-6)


def test_what_half_precision_loses_float32_holds():
    assert summed(ACTIVATIONS * 1e-4, 10.0, "float16") is not None
    assert summed(ACTIVATIONS * 1e-4, 10.0) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (ACTIVATIONS, ACTIVATIONS[::-1]),
        (ACTIVATIONS, np.where(ACTIVATIONS < 0, -1e9, 0.0)),
        (ACTIVATIONS, np.full((16, 4), np.inf)),
        (np.zeros((16, 4)), 1e9),
        (1.0, 1e9),
    ],
    ids=["alike", "mask", "infinite", "zeros", "single numbers"],
)
def test_silent_where_nothing_or_not_all_is_lost(left: Any, right: Any):
    assert summed(left, right) is None
