from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts
from nandoctor.facts.cells import bad_cells, likely_maker
from nandoctor.stats import TensorStats

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def table():
    age = ColumnFacts(
        "age",
        TensorStats.of(np.array([1.0, NAN, INF]), missing=2),
        bad=(Cell(1, NAN, "-NaN", 3), Cell(2, INF, "1e400", 4), Cell(3, NAN, "", 5), Cell(4, NAN, "NA", 6)),
    )
    size = ColumnFacts("size", TensorStats.of(np.array([NAN] * 5)), bad=tuple(Cell(row, NAN) for row in range(5)))
    return ArrayFacts("table", "input", "x", "float64", (5, 2), age.stats + size.stats, (age, size))


@pytest.mark.parametrize(
    ("kind", "count", "columns", "rows"),
    [
        ("nan", 6, (("size", 5), ("age", 1)), (0, 1, 1, 2, 3, 4)),
        ("inf", 1, (("age", 1),), (2,)),
        ("missing", 2, (("age", 2),), (3, 4)),
    ],
)
def test_each_kind_is_told_from_the_others(table, kind, count, columns, rows):
    found = bad_cells(table, kind)

    assert (found.count, found.values, found.columns) == (count, 10, columns)
    assert tuple(cell.row for cell in found.cells) == rows


def test_the_end_of_the_sentence_names_columns_row_line_and_text(table):
    assert bad_cells(table, "inf").where_clause() == (
        "; by column: age (1); the first is in row 2, column age, line 4 of the file, written '1e400'"
    )


def test_an_array_without_profiled_columns_has_a_count_and_no_place():
    wide = ArrayFacts("x", "input", "x", "float32", (2, 20_000), TensorStats.of(np.array([NAN, 1.0])))
    found = bad_cells(wide, "nan")

    assert (found.count, found.cells, found.where_clause()) == (1, (), "")


def test_none_where_there_are_none_or_no_numbers(table):
    assert bad_cells(ArrayFacts("s", "input", "s", "string", (3,), None), "nan") is None
    assert bad_cells(ArrayFacts("x", "input", "x", "float32", (1,), TensorStats.of(np.ones(1))), "missing") is None


def column_of(*values: float) -> ArrayFacts:
    stats = TensorStats.of(np.array(values))
    column = ColumnFacts(
        "0", stats, bad=tuple(Cell(row, one) for row, one in enumerate(values) if not np.isfinite(one))
    )
    return ArrayFacts("y", "label", "y", "float32", (len(values),), stats, (column,))


def test_the_number_of_an_only_column_is_not_told():
    found = bad_cells(column_of(1.0, NAN), "nan")

    assert found.column_names == ()
    assert found.where_clause() == "; the first is in row 1"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            (1.0, NAN, -INF),
            " 1 NaN beside 1 -Inf may come from a logarithm: that of 0 and of less ",
        ),
        ((1.0, -INF), " 1 -Inf may come from a logarithm: that of 0 (log1p: of -1) gives them."),
        ((NAN, NAN), " All values are NaN: it may be that they were scaled by a mean"),
        ((1.0, NAN), ""),
        ((1.0, NAN, INF, -INF), ""),
    ],
)
def test_what_stands_together_may_tell_what_made_it(values, said):
    assert likely_maker(column_of(*values), "nan" if np.isnan(values).any() else "inf").startswith(said)
    assert bool(likely_maker(column_of(*values), "nan" if np.isnan(values).any() else "inf")) is bool(said)
