import numpy as np
import pytest

from nandoctor.probes.data.ragged import Ragged, take, uniform

THREE = Ragged(np.arange(5), np.array([0, 2, 2, 5]))


def test_rows_and_the_row_of_each_value():
    assert THREE.rows == 3
    assert [THREE.row_of(place) for place in range(5)] == [0, 0, 2, 2, 2]


@pytest.mark.parametrize(
    ("rows", "values", "splits"),
    [
        (range(1, 3), [2, 3, 4], [0, 0, 3]),
        ([2, 0], [2, 3, 4, 0, 1], [0, 3, 5]),
        ([1], [], [0, 0]),
        ([], [], [0]),
    ],
)
def test_taking_ragged_rows(rows, values, splits):
    taken = take(THREE, rows)
    assert isinstance(taken, Ragged)
    assert (taken.values.tolist(), taken.row_splits.tolist()) == (values, splits)


@pytest.mark.parametrize(("rows", "taken"), [(range(1, 3), [1, 2]), ([2, 0], [2, 0]), ([], []), (range(0), [])])
def test_taking_rows_of_a_dense_array(rows, taken):
    found = take(np.arange(3), rows)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == taken


def test_rows_of_one_length():
    ragged = uniform(np.arange(12).reshape(2, 3, 2))
    assert ragged.row_splits.tolist() == [0, 3, 6]
    assert ragged.values.shape == (6, 2)
