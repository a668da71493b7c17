"""What a batch is fed as instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nandoctor.facts import ArrayFacts
from nandoctor.facts.data import ColumnFacts
from nandoctor.probes.steps.trace import Batch
from nandoctor.probes.trials.feeding import (
    bounded,
    changed,
    imputed,
    logarithm,
    missing,
    nonfinite_rows,
    shifted,
    standardized,
)
from nandoctor.stats import TensorStats

pytestmark = pytest.mark.tensorflow

NAN, INF = np.nan, np.inf


def batch(x: Any, y: Any) -> Batch:
    import tensorflow as tf

    return Batch(0, range(len(x)), {"x": tf.constant(x)}, {"scores": tf.constant(y)})


@pytest.mark.parametrize(
    ("change", "values", "expected"),
    [
        (imputed, [[1.0, NAN], [3.0, 2.0], [INF, 4.0]], [[1.0, 3.0], [3.0, 2.0], [2.0, 4.0]]),
        (imputed, [[NAN], [NAN]], [[0.0], [0.0]]),
        (missing(-999.0), [[-999.0], [1.0], [2.0]], [[1.5], [1.0], [2.0]]),
        (bounded, [[INF, 1.0], [-5.0, -INF], [NAN, 2.0]], [[5.0, 1.0], [-5.0, -2.0], [NAN, 2.0]]),
        (logarithm, [[1.0], [np.e], [-1.0]], [[0.0], [1.0], [NAN]]),
        (shifted(1.0), [1.0, 3.0], [0.0, 2.0]),
        (standardized(None), [[1.0, 7.0], [3.0, 7.0]], [[-1.0, 0.0], [1.0, 0.0]]),
    ],
)
def test_cells_are_changed(change: Any, values: Any, expected: Any) -> None:
    np.testing.assert_allclose(change(np.array(values)), np.array(expected))


def test_columns_are_standardized_by_the_statistics_of_the_whole_data() -> None:
    whole = np.array([[0.0], [10.0]])
    stats = TensorStats.of(whole)
    facts = ArrayFacts("x", "input", "x", "float32", (2, 1), stats, columns=(ColumnFacts("x", stats),))

    np.testing.assert_allclose(standardized(facts)(np.array([[5.0], [15.0]])), [[0.0], [2.0]])


def test_one_array_is_changed_or_all_of_numbers() -> None:
    fed = batch([[1.0], [2.0]], [[5.0], [6.0]])

    alone = changed(fed, lambda values: values * 2.0, "input:x")
    both = changed(fed, lambda values: values * 2.0)

    np.testing.assert_array_equal(alone.feeds["x"], [[2.0], [4.0]])
    np.testing.assert_array_equal(alone.labels["scores"], [[5.0], [6.0]])
    np.testing.assert_array_equal(both.labels["scores"], [[10.0], [12.0]])


def test_labels_of_another_name_are_meant_where_they_are_the_only_ones() -> None:
    fed = batch([[1.0], [2.0]], [1, 3])

    found = changed(fed, shifted(1.0), "label:y")

    np.testing.assert_array_equal(found.labels["scores"], [0, 2])
    assert found.labels["scores"].dtype == fed.labels["scores"].dtype


def test_rows_with_cells_that_are_not_finite() -> None:
    fed = batch([[1.0, 2.0], [NAN, 2.0], [1.0, 2.0]], [[1.0], [2.0], [INF]])

    assert nonfinite_rows(fed) == (1, 2)
