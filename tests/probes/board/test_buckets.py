"""A histogram over sign and exponent as TensorBoard's buckets: no value lost, each within its edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nandoctor.probes.board.buckets import buckets
from nandoctor.stats import TensorStats

LARGEST = float(np.finfo(np.float64).max)


def test_the_edges_are_powers_of_two_cut_to_the_values() -> None:
    found = buckets(TensorStats.of(np.array([-6.0, -5.0, -1.5, 0.0, 0.0, 1.0, 1.5, 3.0])))

    assert found.tolist() == [[-6, -4, 2], [-2, -1, 1], [0, 0, 2], [1, 2, 2], [2, 3, 1]]


@given(arrays(np.float64, st.integers(1, 40)))
def test_each_finite_value_is_counted_between_the_edges_of_its_bucket(values: np.ndarray) -> None:
    finite = np.sort(values[np.isfinite(values)])

    found = buckets(TensorStats.of(values))

    assert found[:, 2].sum() == finite.size
    assert np.isfinite(found).all()
    assert (found[:, 0] <= found[:, 1]).all()
    assert (found[1:, 0] >= found[:-1, 1]).all()
    bounds = np.cumsum(found[:, 2]).astype(int)
    for (left, right, _), last, first in zip(found, bounds, [0, *bounds][:-1], strict=True):
        assert left <= finite[first] <= finite[last - 1] <= right


@pytest.mark.parametrize("values", [[], [np.nan, np.inf]])
def test_without_a_finite_value_there_is_no_bucket(values: list[float]) -> None:
    assert buckets(TensorStats.of(np.array(values))).shape == (0, 3)


def test_the_largest_number_has_a_finite_edge() -> None:
    assert buckets(TensorStats.of(np.array([LARGEST, -LARGEST])))[:, :2].tolist() == [
        [-LARGEST, -(2.0**1023)],
        [2.0**1023, LARGEST],
    ]


def test_a_histogram_that_was_not_taken_has_no_bucket() -> None:
    assert len(buckets(TensorStats.quickly(np.ones(3)))) == 0
    assert len(buckets(TensorStats.quickly(np.ones(3), histogram=True))) == 1
