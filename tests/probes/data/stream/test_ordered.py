"""What sorted values tell is what the values tell."""

import math

import numpy as np
import pytest

from nandoctor.probes.data.stream.ordered import extreme_places, is_plain, stats_of_ordered
from nandoctor.stats import Array, TensorStats

COLUMNS = {
    "both signs": np.random.default_rng(0).normal(size=5_000),
    "negative only": -np.random.default_rng(1).lognormal(sigma=9.0, size=5_000),
    "zeros of both signs": np.array([0.0, -0.0, -0.0, 3.0, -5e-324, 5e-324, 2.0**-1022]),
    "powers of two": np.array([-4.0, -2.0, -1.0, 0.5, 1.0, 2.0, 4.0, 8.0]),
    "single precision": np.random.default_rng(2).normal(size=999).astype(np.float32),
    "one value": np.array([7.0]),
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
def test_the_same_statistics_as_those_of_the_values(values: Array) -> None:
    found, expected = stats_of_ordered(np.sort(values)), TensorStats.of(values)

    assert found.histogram == expected.histogram
    assert (found.count, found.zeros, found.nonfinite) == (expected.count, expected.zeros, 0)
    assert (found.minimum, found.maximum) == (expected.minimum, expected.maximum)
    assert math.isclose(found.mean, expected.mean, rel_tol=1e-12, abs_tol=1e-12 * expected.std)
    assert math.isclose(found.m2, expected.m2, rel_tol=1e-12)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e200, -1e200])
def test_one_value_that_cannot_be_squared_and_added(odd: float) -> None:
    assert not is_plain(np.sort(np.array([1.0, odd, 2.0])))


def test_the_places_of_the_extremes_in_order_of_value_then_place() -> None:
    values = np.random.default_rng(3).integers(0, 40, 2_000).astype(np.float64)

    lowest, highest = extreme_places(values, np.sort(values), 16)

    assert lowest.tolist() == np.argsort(values, kind="stable")[:16].tolist()
    assert highest.tolist() == np.argsort(-values, kind="stable")[:16].tolist()
