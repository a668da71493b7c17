from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import VariableFacts, WeightFacts
from nandoctor.rules.training.batch_statistics import BatchStatistics
from nandoctor.stats import TensorStats


def check(run_of, **run):
    return list(BatchStatistics().check(run_of(run=run)))


def test_every_batch_of_one_value(run_of):
    (finding,) = check(run_of, batch_norm_rows=1, batch_norm_values=1, batch_norm_share=1.0)

    assert (finding.severity, finding.confidence) == ("warning", "high")
    assert finding.evidence == {"values": 1, "share": 1.0}


def test_a_last_batch_of_one_row_is_a_note(run_of):
    (finding,) = check(run_of, batch_norm_rows=1, batch_norm_values=1, batch_norm_share=0.05)

    assert finding.severity == "note"


def test_where_only_the_rows_are_known_it_is_a_note(run_of):
    (finding,) = check(run_of, batch_norm_rows=1, batch_norm_share=1.0)

    assert (finding.severity, finding.confidence) == ("note", "medium")


@pytest.mark.parametrize(
    "run",
    [{}, {"batch_norm_rows": 2}, {"batch_norm_rows": 1, "batch_norm_values": 4096, "batch_norm_share": 1.0}],
)
def test_batches_with_a_variance_are_silent(run, run_of):
    assert not check(run_of, **run)


def looked_at(layer_of, rows, places=1):
    """A step of one normalization of 8 channels, and its variables."""
    values = np.zeros((rows, places, 8))
    layer = layer_of("norm", "AddV2", units=8, inference=False, activation=TensorStats.of(values))
    variable = VariableFacts("norm/moving_variance", "norm", "moving-variance", (8,), "float32", False, TensorStats())
    return layer, WeightFacts((variable,))


def test_the_step_that_was_looked_at_tells_too(layer_of, step_of, run_of):
    layer, weights = looked_at(layer_of, rows=1)

    (finding,) = BatchStatistics().check(run_of(run={"check_ups": (0,)}), step_of(layers=(layer,)), weights)

    assert (finding.severity, finding.location.layer, finding.evidence["values"]) == ("warning", "norm", 1)


def test_a_later_step_that_was_looked_at_may_be_a_left_over(layer_of, step_of, run_of):
    layer, weights = looked_at(layer_of, rows=1)

    (finding,) = BatchStatistics().check(run_of(), step_of(layers=(layer,)), weights)

    assert finding.severity == "note"


@pytest.mark.parametrize(("rows", "places"), [(2, 1), (1, 16)])
def test_rows_and_places_both_count(rows, places, layer_of, step_of, run_of):
    layer, weights = looked_at(layer_of, rows, places)

    assert not list(BatchStatistics().check(run_of(), step_of(layers=(layer,)), weights))
