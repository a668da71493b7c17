import pytest
from hypothesis import given
from hypothesis import strategies as st

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, DataFacts
from nandoctor.probes.data.batches import choose_rows, telling_rows
from nandoctor.stats import TensorStats


def test_the_first_batches_and_no_more():
    assert choose_rows(100, 10, 2) == (range(10), range(10, 20))


def test_the_last_batch_may_be_smaller():
    assert choose_rows(25, 10, 8) == (range(10), range(10, 20), range(20, 25))


@pytest.mark.parametrize(
    ("wanted", "firsts"),
    [
        ((5,), [0, 10, 20]),
        ((77,), [0, 10, 70]),
        ((77, 99), [0, 70, 90]),
        ((99, 77, 71), [0, 70, 90]),
        ((99, 77, 55, 33), [50, 70, 90]),
        ((25, 77), [0, 20, 70]),
    ],
)
def test_batches_with_wanted_rows_replace_the_last_ones(wanted, firsts):
    assert [batch.start for batch in choose_rows(100, 10, 3, wanted)] == firsts


@given(st.integers(1, 300), st.integers(1, 50), st.integers(1, 8), st.data())
def test_batches_are_ascending_apart_and_within_the_data(rows, batch_size, max_batches, data):
    wanted = data.draw(st.lists(st.integers(0, rows - 1), max_size=10))
    batches = choose_rows(rows, batch_size, max_batches, wanted)
    places = [row for batch in batches for row in batch]
    assert places == sorted(set(places))
    assert places[-1] < rows
    assert len(batches) == min(max_batches, -(-rows // batch_size))
    assert all(batch.start % batch_size == 0 for batch in batches)
    assert all(len(batch) == batch_size or batch.stop == rows for batch in batches)
    if wanted:
        assert wanted[0] in places


def test_telling_rows_are_the_first_bad_cell_and_the_largest_magnitude():
    def column(name: str, *, bad: tuple[int, ...], lowest: float, highest: float) -> ColumnFacts:
        return ColumnFacts(
            name,
            TensorStats(),
            bad=tuple(Cell(row, float("nan")) for row in bad),
            lowest=(Cell(1, lowest),),
            highest=(Cell(2, highest),),
        )

    columns = (
        column("a", bad=(40, 41), lowest=-3.0, highest=9.0),
        column("b", bad=(30,), lowest=-50.0, highest=2.0),
    )
    array = ArrayFacts("x", "input", "x", "float32", (100, 2), None, columns)
    label = ArrayFacts("y", "label", "y", "float32", (100,), None, (column("0", bad=(), lowest=0.0, highest=7.0),))
    unused = ArrayFacts("z", "unused", None, "float32", (100,), None, (column("0", bad=(9,), lowest=0.0, highest=0),))
    assert telling_rows(DataFacts("d.npz", 100, (array, label, unused))) == (30, 1, 2)
