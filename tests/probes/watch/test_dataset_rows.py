"""Rows of a batch in the data."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nandoctor.probes.watch.dataset_rows import Places, places_of

DATA = np.random.default_rng(0)


def test_shuffled_rows_are_found_by_their_values_as_they_were_fed() -> None:
    x, y = DATA.normal(size=(1000, 5)), DATA.integers(0, 3, 1000)
    order = DATA.permutation(1000)[:32]
    assert places_of([x.astype(np.float32)[order], y[order]], [x, y]) == Places(tuple(order.tolist()))


def test_a_row_with_nan_is_found_whatever_the_bits_of_the_nan() -> None:
    x = np.ones((4, 2))
    x[2] = [np.nan, 5.0]
    x[3] = [7.0, -np.nan]
    assert places_of([np.array([[7.0, np.nan], [np.nan, 5.0]], np.float32)], [x]).rows == (3, 2)


def test_minus_zero_is_zero() -> None:
    assert places_of([np.array([[0.0, 1.0]])], [np.array([[3.0, 1.0], [-0.0, 1.0]])]).rows == (1,)


def test_a_row_that_was_changed_on_its_way_has_no_place() -> None:
    x = DATA.normal(size=(100, 3)).astype(np.float32)
    assert places_of([np.stack([x[7], x[8] * 2])], [x]).rows == (7, None)


def test_of_several_equal_rows_the_first_is_taken_and_that_is_said() -> None:
    x = np.array([[1.0], [2.0], [1.0], [3.0]])
    assert places_of([np.array([[3.0], [1.0]])], [x]) == Places((3, 0), repeated=(1,))


def test_a_batch_in_one_piece_tells_equal_rows_apart() -> None:
    x = np.array([[1.0], [2.0], [1.0], [3.0]])
    assert places_of([np.array([[1.0], [3.0]])], [x]) == Places((2, 3))


def test_labels_tell_equal_inputs_apart() -> None:
    x, y = np.zeros((4, 2)), np.arange(4)
    assert places_of([np.zeros((2, 2)), np.array([3, 1])], [x, y]) == Places((3, 1))


def test_equal_rows_within_the_batch() -> None:
    x = np.array([[1.0], [2.0], [1.0]])
    assert places_of([np.array([[1.0], [1.0], [2.0]])], [x]) == Places((0, 0, 1), repeated=(0, 1))


def test_texts_and_bytes() -> None:
    words = np.array(["cat", "dog", "fish"], object)
    assert places_of([np.array([b"fish", b"cat"], object)], [words]).rows == (2, 0)


def test_an_axis_of_one_more_or_less() -> None:
    assert places_of([np.array([[3.0], [2.0]])], [np.array([1.0, 2.0, 3.0])]).rows == (2, 1)
    assert places_of([np.array([3.0, 2.0])], [np.array([[1.0], [2.0], [3.0]])]).rows == (2, 1)


def test_half_precision() -> None:
    x = np.linspace(0, 1, 50).reshape(25, 2)
    fed = x.astype(ml_dtypes.bfloat16)
    assert places_of([fed[[20, 3]]], [x]).rows == (20, 3)


def test_images_that_differ_in_one_pixel() -> None:
    images = np.zeros((50, 28, 28, 1), np.uint8)
    images[np.arange(50), np.arange(50) % 28, np.arange(50) // 28, 0] = 255
    assert places_of([images[[49, 0, 27]].astype(np.float32)], [images]).rows == (49, 0, 27)


def test_a_hundred_thousand_equal_rows() -> None:
    found = places_of([np.zeros((64, 4), np.float32)], [np.zeros((100_000, 4))])
    assert (found.rows, found.repeated) == ((0,) * 64, tuple(range(64)))


def test_nothing_to_look_in() -> None:
    assert places_of([np.ones((2, 1))], [np.ones((0, 1))]) == Places((None, None))


@pytest.mark.parametrize("columns", [1, 3])
@given(data=st.data())
def test_each_place_holds_the_row(columns: int, data: st.DataObject) -> None:
    values = st.sampled_from([0.0, 1.0, float("nan"), float("inf")])
    rows = data.draw(st.lists(st.lists(values, min_size=columns, max_size=columns), min_size=1, max_size=12))
    x = np.array(rows)
    chosen = data.draw(st.lists(st.integers(0, len(x) - 1), min_size=1, max_size=8))
    found = places_of([x[chosen]], [x])
    np.testing.assert_array_equal(x[list(found.rows)], x[chosen])
