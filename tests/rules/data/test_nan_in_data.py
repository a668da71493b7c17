from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, Origin, StepFacts
from nandoctor.rules.data.nan_in_data import NanInData
from nandoctor.stats import TensorStats


def holed(values, *places):
    values = values.copy()
    for place in places:
        values[place] = np.nan
    return values


def step_with(origin):
    return StepFacts(1, 32, 10, (0.5,), (origin,), ())


def origin_at_input(absorbed_by, reaches=()):
    return Origin(
        0, "input", "forward", "x", "Placeholder", None, TensorStats.of(np.array([np.nan])), "float32", (1,),
        absorbed_by=absorbed_by, reaches=reaches,
    )  # fmt: skip


def test_one_nan_cell_is_an_error_with_its_row_and_column(array, data, normal):
    x = array(holed(normal(), (70, 1)))

    (finding,) = NanInData().check(data(x, batch_size=32, examined=((0, 32), (32, 64), (64, 96))))

    assert (finding.cause, finding.severity, finding.about) == ("nan-in-data", "error", "input:x")
    assert finding.evidence == {"nan": 1, "values": 400, "columns_with_nan": 1}
    assert finding.limits == {"nan": 0}
    place = finding.location
    assert (place.phase, place.dataset_rows, place.columns) == ("data", (70,), ("1",))
    assert (place.batch, place.rows) == (2, (6,))
    assert "1 of 400 values of input 'x' is NaN" in finding.message


def test_counts_are_exact_and_one_finding_covers_the_array(array, data, normal):
    x = array(holed(normal(), *[(row, 0) for row in range(50)], (60, 1), (61, 1)))

    (finding,) = NanInData().check(data(x))

    assert finding.evidence["nan"] == 52
    assert finding.location.columns == ("0", "1")
    assert len(finding.location.dataset_rows) == 16
    assert "0 (50), 1 (2)" in finding.message


def test_rows_of_the_first_bad_batch_only(array, data, normal):
    x = array(holed(normal(), (33, 0), (40, 0), (150, 0)))

    (finding,) = NanInData().check(data(x, batch_size=32, examined=((0, 64),)))

    assert finding.location.dataset_rows == (33, 40, 150)
    assert (finding.location.batch, finding.location.rows) == (1, (1, 8))


def test_a_row_that_was_not_examined_has_no_batch(array, data, normal):
    (finding,) = NanInData().check(data(array(holed(normal(), (150, 0))), batch_size=32, examined=((0, 64),)))

    assert finding.location.batch is None
    assert finding.location.rows is None


def test_nan_in_a_label_is_an_error_and_in_an_unused_array_a_note(array, label, data, normal):
    spoiled = holed(normal(), (3, 0))

    of_label, of_unused = NanInData().check(data(label(spoiled), array(spoiled, name="spare", role="unused")))

    assert (of_label.severity, of_label.about) == ("error", "label:y")
    assert (of_unused.severity, of_unused.about) == ("note", "unused:spare")


def test_a_cell_of_a_text_file_is_quoted_with_its_line(data):
    column = ColumnFacts(
        "age", TensorStats.of(np.array([1.0, np.nan]), missing=1),
        bad=(Cell(1, float("nan"), "", 3), Cell(2, float("nan"), "NaN", 4)),
    )  # fmt: skip
    x = ArrayFacts("table", "input", "x", "float64", (3, 1), column.stats, (column,))

    (finding,) = NanInData().check(data(x))

    assert (finding.location.line, finding.location.dataset_rows) == (4, (2,))
    assert "row 2, column age, line 4 of the file, written 'NaN'" in finding.message


@pytest.mark.parametrize("absorbed_by", [("SelectV2",), ("IsNan", "SelectV2")])
def test_nan_that_the_model_replaces_on_purpose_is_a_note(array, data, normal, absorbed_by):
    x = array(holed(normal(), (3, 0)))

    (finding,) = NanInData().check(data(x), step=step_with(origin_at_input(absorbed_by)))

    assert finding.severity == "note"
    assert "replaces" in finding.message


@pytest.mark.parametrize(("absorbed_by", "reaches"), [(("MaxPool",), ()), (("SelectV2",), ("loss",)), ((), ())])
def test_nan_that_is_only_hidden_or_gets_through_stays_an_error(array, data, normal, absorbed_by, reaches):
    x = array(holed(normal(), (3, 0)))

    (finding,) = NanInData().check(data(x), step=step_with(origin_at_input(absorbed_by, reaches)))

    assert finding.severity == "error"


def test_silent_on_finite_numbers_infinities_and_strings(array, data, normal):
    infinite = normal()
    infinite[0, 0] = np.inf
    words = ArrayFacts("words", "input", "words", "string", (200,), None)

    assert not list(NanInData().check(data(array(normal()), array(infinite, name="z"), words)))


def test_advice_for_labels_is_about_labels(array, data):
    y = array(np.array([0.5, np.nan, -np.inf], np.float32), "y", role="label")

    (finding,) = NanInData().check(data(y))

    assert "column" not in finding.message
    assert "may come from a logarithm" in finding.message
    assert [one.id for one in finding.remedies] == ["drop-rows", "guard-the-maker"]
    assert not any("mask column" in one.title for one in finding.remedies)
