from __future__ import annotations

import numpy as np

from nandoctor.rules.data.duplicate_rows import DuplicateRows


def test_copied_rows_are_a_note(table, normal):
    values = normal(100, 2)
    values[50:60] = values[:10]

    (finding,) = DuplicateRows().check(table({"a": values[:, 0], "b": values[:, 1]}))

    assert (finding.cause, finding.severity) == ("duplicate-rows", "note")
    assert (finding.evidence["copies"], finding.evidence["rows"]) == (10, 100)
    assert finding.limits["share"] == 0.01
    assert finding.location.dataset_rows[:2] == (0, 1)


def test_silent_on_one_coincidence_and_on_coarse_columns(table, normal):
    values = normal(100, 2)
    values[50] = values[0]
    coarse = {"a": np.arange(100) % 4, "b": np.arange(100) % 5}

    assert not list(DuplicateRows().check(table({"a": values[:, 0], "b": values[:, 1]})))
    assert not list(DuplicateRows().check(table(coarse)))
