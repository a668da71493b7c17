"""The guards that remedies offer, evaluated: they must mend the zero and leave every other divisor as it is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from nandoctor.facts import Operand
from nandoctor.facts.guards import guards
from nandoctor.stats import TensorStats

TF = SimpleNamespace(where=np.where, abs=np.abs, maximum=np.maximum, ones_like=np.ones_like)


def divisor(values, dtype="float32"):
    values = np.array(values, dtype)
    return values, Operand(1, dtype, values.shape, TensorStats.of(values))


def applied(remedy, values):
    """What the expression behind the remedy's `a / ` makes of the divisor `b`."""
    return eval(remedy.title.partition("a / ")[2], {"tf": TF, "b": values})


@pytest.mark.parametrize("values", [[0.0, 2.0, 0.5], [0.0, -2.0, 0.5, -0.5], [0.0, -3.0]])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_guard_changes_the_zero_alone_and_its_reciprocal_is_finite(values, dtype):
    values, operand = divisor(values, dtype)

    guarded = applied(guards("RealDiv", operand)[-1], values).astype(dtype)

    assert np.isfinite(1 / guarded).all()
    np.testing.assert_array_equal(guarded[1:], values[1:])


def test_a_root_takes_no_negative_argument_and_a_remainder_another_divisor():
    _, operand = divisor([0.0, 2.0])

    assert [remedy.id for remedy in guards("Rsqrt", operand)] == ["epsilon"]
    assert [remedy.id for remedy in guards("FloorMod", operand)] == ["divisor-one"]
