from __future__ import annotations

import numpy as np

from nandoctor.rules.data.split_range_shift import SplitRangeShift


def test_values_that_training_never_saw_are_a_warning(table, normal):
    train, val = normal(500)[:, 0], normal(200)[:, 0]

    (finding,) = SplitRangeShift().check(table({"a": train, "b": train}, val={"a": val, "b": 100 * val}))

    assert (finding.cause, finding.severity, finding.location.columns) == ("split-range-shift", "warning", ("b",))
    assert finding.evidence["share"] > 0.5
    assert finding.limits == {"share": 0.01}


def test_ids_and_dates_shift_by_construction(table):
    train = {"id": np.arange(100), "date": 1.6e9 + np.arange(100)}
    val = {"id": np.arange(100, 150), "date": 1.7e9 + np.arange(50)}

    (finding,) = SplitRangeShift().check(table(train, val=val))

    assert finding.severity == "note"


def test_silent_on_a_random_split(table):
    values = np.random.default_rng(1).standard_t(3, size=300)

    assert not list(SplitRangeShift().check(table({"a": values[:200]}, val={"a": values[200:]})))
