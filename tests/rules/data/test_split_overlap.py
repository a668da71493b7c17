from __future__ import annotations

import numpy as np

from nandoctor.rules.data.split_overlap import SplitOverlap


def test_training_rows_in_the_validation_split_are_a_warning(table, normal):
    values = normal(300)

    (finding,) = SplitOverlap().check(
        table(
            {"a": values[:200, 0], "b": values[:200, 1]},
            val={"a": values[190:, 0], "b": values[190:, 1]},
        )
    )

    assert (finding.cause, finding.severity, finding.evidence["overlap"]) == ("split-overlap", "warning", 10)
    assert finding.location.file == "val.csv"
    assert finding.location.dataset_rows == tuple(range(10))


def test_silent_on_splits_apart_on_coincidences_and_on_coarse_rows(table, normal):
    values = normal(300)[:, 0]
    coarse = np.arange(100) % 3

    assert not list(SplitOverlap().check(table({"a": values[:200]}, val={"a": values[200:]})))
    assert not list(SplitOverlap().check(table({"a": values[:200]}, val={"a": values[198:]})))
    assert not list(SplitOverlap().check(table({"a": coarse}, val={"a": coarse})))
