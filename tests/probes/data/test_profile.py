import math
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from numpy.testing import assert_allclose

from nandoctor.facts.data import QUANTILE_LEVELS, ArrayFacts, Cell, DataFacts
from nandoctor.probes.data.csv import read_csv
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.match import match
from nandoctor.probes.data.matched import Binding, Matched, WantedInput
from nandoctor.probes.data.profile import data_facts
from nandoctor.probes.data.ragged import Ragged
from nandoctor.stats import TensorStats


def facts_of(raw) -> ArrayFacts:
    rows = raw.rows if isinstance(raw, Ragged) else len(raw)
    matched = Matched(rows, (Binding("x", "x", raw, raw),))
    return data_facts(DataSet(Path("d.npz"), {}), matched).arrays[0]


def csv_facts(folder: Path, text: str, width: int, labels: str | None = None) -> DataFacts:
    (folder / "d.csv").write_text(text)
    data = read_csv(folder / "d.csv")
    return data_facts(data, match(data, [WantedInput("x", (None, width), "float32")], ["out"], labels))


def test_inputs_then_labels_then_what_feeds_nothing():
    x, y, z = np.zeros((4, 2), np.float32), np.arange(4), np.array(["a"] * 4)
    matched = Matched(4, (Binding("X", "in", x, x),), (Binding("y", "out", y, y),), unused=("z",))
    facts = data_facts(DataSet(Path("d.npz"), {"X": x, "y": y, "z": z}), matched, 2, (range(2), range(2, 4)))
    assert [(a.name, a.role, a.bound_to, a.dtype, a.shape) for a in facts.arrays] == [
        ("X", "input", "in", "float32", (4, 2)),
        ("y", "label", "out", "int64", (4,)),
        ("z", "unused", None, "string", (4,)),
    ]
    assert facts.arrays[2].stats is None
    assert (facts.rows, facts.batch_size, facts.examined_rows) == (4, 2, ((0, 2), (2, 4)))


def test_columns_of_a_table_by_index():
    array = facts_of(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]))
    assert [column.name for column in array.columns] == ["0", "1"]
    assert [(c.stats.minimum, c.stats.maximum, c.stats.mean) for c in array.columns] == [(1, 3, 2), (5, 5, 5)]
    assert array.stats == TensorStats.of(np.array([1.0, 2.0, 3.0])) + TensorStats.of(np.array([5.0, 5.0, 5.0]))


def test_lowest_and_highest_cells_come_most_extreme_first_then_by_row():
    values = np.zeros(100)
    values[[70, 30]] = -5.0
    values[[10, 90, 50]] = [3.0, 9.0, 9.0]
    (column,) = facts_of(values).columns
    assert column.lowest[:3] == (Cell(30, -5.0), Cell(70, -5.0), Cell(0, 0.0))
    assert column.highest[:4] == (Cell(50, 9.0), Cell(90, 9.0), Cell(10, 3.0), Cell(0, 0.0))
    assert len(column.lowest) == len(column.highest) == 16


def test_infinities_are_bad_cells_and_not_extremes():
    (column,) = facts_of(np.array([1.0, np.inf, -np.inf, 2.0, np.nan])).columns
    assert column.lowest == (Cell(0, 1.0), Cell(3, 2.0))
    assert column.highest == (Cell(3, 2.0), Cell(0, 1.0))
    assert [cell.row for cell in column.bad] == [1, 2, 4]
    assert [column.bad[0].value, column.bad[1].value] == [math.inf, -math.inf]


def test_at_most_16_bad_cells_and_an_exact_count():
    (column,) = facts_of(np.full(100, np.nan)).columns
    assert [cell.row for cell in column.bad] == list(range(16))
    assert column.stats.nan == 100
    assert (column.quantiles, column.lowest, column.highest, column.repeated) == ((), (), (), ())
    assert (column.integral, column.distinct) == (False, 0)


def test_repeated_values_most_frequent_first():
    (column,) = facts_of(np.array([-999.0, 3.5, -999.0, 7.0, 7.0, -999.0, 1.0])).columns
    assert column.repeated == ((-999.0, 3), (7.0, 2))
    assert column.distinct == 4


def test_at_most_8_repeated_values_the_smallest_of_equals():
    (column,) = facts_of(np.repeat(np.arange(20), 2)).columns
    assert column.repeated == tuple((float(value), 2) for value in range(8))


@pytest.mark.parametrize(("values", "distinct"), [(np.arange(1000), 1000), (np.arange(1001), None)])
def test_distinct_values_up_to_a_thousand(values, distinct):
    assert facts_of(values).columns[0].distinct == distinct


@pytest.mark.parametrize(
    ("values", "integral"),
    [
        (np.array([1.0, -2.0, 1e30]), True),
        (np.array([1.0, np.nan]), True),
        (np.append(np.arange(200.0), 0.5), False),
        (np.array([1, 2], np.int8), True),
        (np.array([True, False]), True),
    ],
)
def test_whole_numbers(values, integral):
    assert facts_of(values).columns[0].integral is integral


def test_quantiles_of_few_rows_are_values_of_the_column():
    (column,) = facts_of(np.arange(101.0)[::-1]).columns
    assert column.quantiles == tuple(round(level * 100) for level in QUANTILE_LEVELS)


def test_quantiles_of_many_rows_are_near_the_true_ones():
    values = np.random.default_rng(0).normal(size=100_000)
    (column,) = facts_of(values).columns
    inner = slice(1, -1)
    assert_allclose(column.quantiles[inner], np.quantile(values, QUANTILE_LEVELS[inner]), atol=0.15)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.int8, np.uint8, np.int64, bool])
def test_every_numeric_dtype(dtype):
    values = np.array([[0, 1], [1, 1], [0, 0]]).astype(dtype)
    array = facts_of(values)
    assert array.dtype == np.dtype(dtype).name
    assert [column.repeated for column in array.columns] == [((0.0, 2),), ((1.0, 2),)]
    assert array.row_sums == (0.0, 2.0)


def test_one_hot_rows_sum_to_one():
    assert facts_of(np.eye(4)[[0, 2, 1]]).row_sums == (1.0, 1.0)


@pytest.mark.parametrize("values", [np.ones(3), np.ones((2, 2, 2)), np.array([[1.0, np.inf]]), np.full((1, 2), 1e308)])
def test_no_row_sums(values):
    assert facts_of(values).row_sums is None


def test_images_by_channel_with_the_row_of_each_pixel():
    images = np.zeros((10, 4, 5, 3), np.uint8)
    images[7, 2, 1, 0] = 255
    images[3, 0, 0, 2] = 9
    array = facts_of(images)
    assert [column.name for column in array.columns] == ["0", "1", "2"]
    assert array.columns[0].highest[0] == Cell(7, 255.0)
    assert array.columns[2].highest[0] == Cell(3, 9.0)
    assert [column.stats.count for column in array.columns] == [200, 200, 200]
    assert array.image_like


def test_quantiles_of_many_images_are_near_the_true_ones():
    images = np.random.default_rng(0).random((1000, 64, 64, 1), np.float32)
    (column,) = facts_of(images).columns
    assert_allclose(column.quantiles, QUANTILE_LEVELS, atol=0.01)


def test_ragged_rows_are_one_column_with_the_row_of_each_value():
    array = facts_of(Ragged(np.array([1.0, 2.0, np.nan, 4.0, 5.0]), np.array([0, 2, 2, 5])))
    assert array.shape == (3, 3)
    (column,) = array.columns
    assert [cell.row for cell in column.bad] == [2]
    assert column.lowest[:2] == (Cell(0, 1.0), Cell(0, 2.0))
    assert column.quantile(1.0) == 5.0


def test_too_many_columns_leave_the_statistics_of_the_whole():
    array = facts_of(np.ones((2, 10_001), np.float32))
    assert array.columns == ()
    assert array.stats is not None
    assert array.stats.count == 20_002


def test_csv_cells_carry_text_and_line(tmp_path):
    facts = csv_facts(tmp_path, "a,b,y\n1,2e0,0\n,1e400,1\n3,NaN,0\n", 2, "y")
    table, labels = facts.arrays
    assert [(array.name, array.role) for array in facts.arrays] == [("table", "input"), ("y", "label")]
    assert (table.stats.missing, table.stats.nan, table.stats.positive_inf) == (1, 1, 1)
    a, b = table.columns
    assert (a.name, a.stats.count, a.stats.missing, a.stats.nan) == ("a", 3, 1, 0)
    assert [(cell.row, cell.text, cell.line) for cell in a.bad] == [(1, "", 3)]
    assert [(cell.row, cell.text, cell.line) for cell in b.bad] == [(1, "1e400", 3), (2, "NaN", 4)]
    assert b.lowest == (Cell(0, 2.0, "2e0", 2),)
    assert labels.columns[0].name == "y"
    assert labels.columns[0].repeated == ((0.0, 2),)
