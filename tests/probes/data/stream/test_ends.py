"""The ends of a column without sorting it are those of the sorted column."""

from __future__ import annotations

import numpy as np
import pytest

from nandoctor.probes.data.column import ordered_values
from nandoctor.probes.data.stream.ends import ends_of_many, ends_of_ordered, run_starts
from nandoctor.stats import Array

RANDOM = np.random.default_rng(0)
COLUMNS = {
    "normal": RANDOM.normal(size=20_000),
    "ascending": np.arange(20_000.0),
    "descending": -np.arange(20_000.0),
    "ties at both ends": np.clip(RANDOM.normal(size=20_000), -2.5, 2.5),
    "zeros of both signs": np.concatenate([[-0.0, 0.0, -0.0], 1 + RANDOM.random(5_000)]),
    "single precision": RANDOM.lognormal(size=3_000).astype(np.float32),
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
def test_the_same_as_those_of_the_sorted_values(values: Array) -> None:
    found = ends_of_many(values)
    ordered = ordered_values(values)
    expected = ends_of_ordered(values, ordered, run_starts(ordered))

    assert found is not None
    assert found.lowest.tolist() == expected.lowest.tolist() == np.argsort(values, kind="stable")[:16].tolist()
    assert found.highest.tolist() == expected.highest.tolist() == np.argsort(-values, kind="stable")[:16].tolist()
    assert (found.low_values, found.high_values) == (expected.low_values, expected.high_values)


@pytest.mark.parametrize(
    "values",
    [RANDOM.integers(0, 1000, 50_000).astype(np.float64), np.maximum(RANDOM.normal(size=20_000), 0.0), np.ones(3)],
    ids=["few values", "half of them are the lowest", "three values"],
)
def test_columns_that_are_better_sorted(values: Array) -> None:
    assert ends_of_many(values) is None
