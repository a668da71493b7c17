from __future__ import annotations

import pytest

from nandoctor.rules.training.batch_statistics import BatchStatistics


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
