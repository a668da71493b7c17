from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts
from nandoctor.rules.data.missing_in_data import MissingInData
from nandoctor.stats import TensorStats


def table(role="input"):
    age = ColumnFacts(
        "age", TensorStats.of(np.array([30.0, np.nan]), missing=1),
        bad=(Cell(1, float("nan"), "nan", 3), Cell(2, float("nan"), " ", 4)),
    )  # fmt: skip
    size = ColumnFacts("size", TensorStats.of(np.array([1.0, 2.0, 3.0])))
    return ArrayFacts("table", role, "x", "float64", (3, 2), age.stats + size.stats, (age, size))


def test_an_empty_cell_is_an_error_with_its_line(data):
    (finding,) = MissingInData().check(data(table()))

    assert (finding.cause, finding.severity, finding.about) == ("missing-in-data", "error", "input:table")
    assert finding.evidence == {"missing": 1, "cells": 6, "columns_with_missing": 1}
    assert finding.limits == {"missing": 0}
    place = finding.location
    assert (place.file, place.line, place.dataset_rows, place.columns) == ("data.npz", 4, (2,), ("age",))
    assert "written ' '" in finding.message


@pytest.mark.parametrize(("role", "severity"), [("label", "error"), ("unused", "note")])
def test_the_severity_follows_the_role(data, role, severity):
    (finding,) = MissingInData().check(data(table(role)))

    assert finding.severity == severity


def test_silent_where_every_cell_is_filled(array, data, normal):
    assert not list(MissingInData().check(data(array(normal()))))
