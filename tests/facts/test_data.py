from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, DataFacts
from nandoctor.facts.data import QUANTILE_LEVELS
from nandoctor.stats import TensorStats


def column(values, quantiles=()):
    values = np.asarray(values, float)
    order = np.argsort(values, kind="stable")
    cells = [Cell(int(row), float(values[row])) for row in order]
    return ColumnFacts("a", TensorStats.of(values), quantiles, tuple(cells[:16]), tuple(cells[::-1][:16]))


def data(batch_size=None, examined=()):
    return DataFacts("d.npz", 100, (), batch_size, examined)


@pytest.mark.parametrize(
    ("row", "place"), [(0, (0, 0)), (31, (0, 31)), (32, (1, 0)), (50, (2, 0)), (59, (2, 9)), (45, None), (99, None)]
)
def test_the_place_of_a_row_in_its_batch(row, place):
    facts = data(32, ((0, 40), (50, 60)))

    assert facts.place_in_batch(row) == place


def test_no_place_without_a_batch_size():
    assert data().place_in_batch(0) is None


def test_a_location_holds_the_rows_of_the_first_batch_and_the_first_line():
    place = data(10, ((0, 40),)).location(["a"], (Cell(35, 1.0, "1", 37), Cell(12, 1.0, "1", 14), Cell(17, 1.0)))

    assert (place.file, place.line, place.phase, place.columns) == ("d.npz", 14, "data", ("a",))
    assert (place.dataset_rows, place.batch, place.rows) == ((12, 17, 35), 1, (2, 7))


def test_a_location_without_cells_claims_no_rows():
    place = data(10, ((0, 40),)).location([])

    assert (place.dataset_rows, place.batch, place.rows, place.columns, place.line) == (None,) * 5


def test_of_a_watched_run_rows_of_the_batch_are_rows_of_the_data():
    facts = DataFacts("the arrays", 100, (), 3, batch_rows=(70, None, 12), from_file=False)

    assert [facts.rows_of_batch(places) for places in ([0], [2, 0], [1], [0, 1], [9], [])] == [
        (70,),
        (12, 70),
        None,
        None,
        None,
        None,
    ]
    place = facts.location(["a"], (Cell(12, 1.0), Cell(13, 1.0)))
    assert (place.file, place.dataset_rows, place.batch, place.rows) == (None, (12, 13), 0, (2,))


def test_of_a_batch_alone_cells_lie_in_rows_of_the_batch():
    known = DataFacts("a.csv", 3, (), 3, batch_rows=(70, None, 12), only_batch=True)
    unknown = DataFacts("the batch", 3, (), 3, only_batch=True, from_file=False)

    place = known.location(["a"], (Cell(2, 1.0), Cell(0, 1.0)))
    assert (place.file, place.dataset_rows, place.rows) == ("a.csv", (70, 12), (0, 2))
    assert known.rows_at([0, 2]).dataset_rows == (70, 12)
    place = unknown.location(["a"], (Cell(2, 1.0),))
    assert (place.file, place.dataset_rows, place.rows) == (None, None, (2,))


def test_cells_outside_a_range_and_whether_they_are_all():
    few = column([0.5, -3.0, 0.2, 9.0, 1.0])
    many = column([*range(40)])

    cells, complete = few.outside(0.0, 1.0)
    assert ([(cell.row, cell.value) for cell in cells], complete) == ([(1, -3.0), (3, 9.0)], True)
    cells, complete = many.outside(0.0, 10.0)
    assert (len(cells), complete) == (16, False)


def test_magnitude_is_that_of_the_middle_98_percent():
    quantiles = (-1e9, -7.0, *(0.0 for _ in QUANTILE_LEVELS[2:-2]), 5.0, 1e9)

    assert column([-1e9, 1e9], quantiles).magnitude == 7.0
    assert column([-2.0, 3.0]).magnitude == 3.0


def test_about_names_role_and_array():
    assert ArrayFacts("ages", "label", "out", "float32", (3,), None).about == "label:ages"
