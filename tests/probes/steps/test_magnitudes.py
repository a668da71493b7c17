from __future__ import annotations

import math

import numpy as np
import pytest

from nandoctor.probes.steps.magnitudes import largest_magnitude, magnitude_bound


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("values", "largest"), [([1.0, -3.0, 2.0], 3.0), ([0.0], 0.0), ([1.0, math.nan], math.inf), ([-math.inf], math.inf)]
)
def test_the_largest_magnitude_and_a_bound_that_is_never_below_it(values, largest, dtype):
    array = np.array(values, dtype)

    assert largest_magnitude(array) == largest
    assert magnitude_bound(array) >= largest


def test_the_bound_of_values_whose_squares_overflow_is_their_magnitude():
    with np.errstate(over="ignore"):
        assert magnitude_bound(np.array([1e30, -2e30], np.float32)) == pytest.approx(2e30)
