from pathlib import Path

import numpy as np
import pytest

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.match import match
from nandoctor.probes.data.matched import Matched, WantedInput
from nandoctor.probes.data.ragged import Ragged

FLOATS = WantedInput("features_in", (None, 3), "float32")
IDS = WantedInput("ids", (None, 5), "int32")


def matched(arrays, *inputs: WantedInput, outputs=("out",), labels=None) -> Matched:
    return match(DataSet(Path("d.npz"), arrays), inputs, outputs, labels)


def refused(arrays, *inputs: WantedInput, outputs=("out",), labels=None, exit_code=UNEXAMINABLE) -> str:
    with pytest.raises(NandoctorError) as error:
        matched(arrays, *inputs, outputs=outputs, labels=labels)
    assert error.value.exit_code == exit_code
    assert "\n" not in error.value.message
    return error.value.message


def fed_from(result: Matched) -> dict[str, str]:
    return {binding.bound_to: binding.name for binding in result.input_bindings}


def labels_from(result: Matched) -> dict[str, str]:
    return {binding.bound_to: binding.name for binding in result.label_bindings}


def rows(count: int, *rest: int, dtype="float64"):
    return np.ones((count, *rest), dtype)


@pytest.mark.parametrize("key", ["features_in", "features_in:0", "Features-In", "serving/features_in:0"])
def test_by_name_but_for_spelling_and_path(key):
    result = matched({"other": rows(4, 3), key: rows(4, 3)}, FLOATS)
    assert fed_from(result) == {"features_in": key}
    assert result.inputs["features_in"].dtype == np.float32
    assert result.unused == ("other",)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("x", "y"),
        ("X_train", "y_train"),
        ("x_train", "y_train"),
        ("xtrain", "ytrain"),
        ("train_features", "train_labels"),
        ("features", "targets"),
        ("data", "target"),
        ("images", "labels"),
        ("image", "label"),
        ("arr_0", "arr_1"),
    ],
)
def test_by_convention(x, y):
    result = matched({x: rows(4, 3), y: rows(4, 3)}, FLOATS)
    assert fed_from(result) == {"features_in": x}
    assert labels_from(result) == {"out": y}
    assert result.notes == (f"Labels, by their names: {y} for the output out.",)
    assert result.rows == 4


def test_train_comes_before_test():
    arrays = {"X_test": rows(2, 3), "y_test": rows(2), "X_train": rows(4, 3), "y_train": rows(4)}
    result = matched(arrays, FLOATS)
    assert fed_from(result) == {"features_in": "X_train"}
    assert labels_from(result) == {"out": "y_train"}
    assert result.unused == ("X_test", "y_test")
    assert "Of several sets of rows X_train, y_train were examined; X_test, y_test were left out." in result.notes


def test_asking_for_the_test_labels_chooses_the_test_rows():
    arrays = {"X_test": rows(2, 3), "y_test": rows(2), "X_train": rows(4, 3), "y_train": rows(4)}
    result = matched(arrays, FLOATS, labels="y_test")
    assert fed_from(result) == {"features_in": "X_test"}
    assert result.rows == 2


def test_several_inputs_by_name_with_train_in_it():
    arrays = {"ids_train": rows(4, 5, dtype="int64"), "features_in_train": rows(4, 3)}
    assert fed_from(matched(arrays, FLOATS, IDS)) == {"features_in": "features_in_train", "ids": "ids_train"}


def test_by_shape_where_only_one_fits():
    arrays = {"a": rows(4, 5, dtype="int64"), "b": rows(4, 3)}
    assert fed_from(matched(arrays, FLOATS, IDS)) == {"features_in": "b", "ids": "a"}


def test_by_dtype_where_shapes_are_free():
    text = WantedInput("text", (None,), "string")
    arrays = {"a": np.array(["to", "be"]), "b": rows(2, 3)}
    assert fed_from(matched(arrays, FLOATS, text)) == {"features_in": "b", "text": "a"}


def test_the_input_that_leaves_no_choice_goes_first():
    anything = WantedInput("anything", (None, None), "float32")
    assert fed_from(matched({"a": rows(4, 3), "b": rows(4, 7)}, anything, FLOATS)) == {
        "anything": "b",
        "features_in": "a",
    }


def test_one_array_is_not_given_to_two_inputs():
    left, right = WantedInput("left", (None, 3), "float32"), WantedInput("right", (None, 3), "float32")
    assert "the input left could be a; name the array left" in refused({"a": rows(4, 3), "b": rows(4)}, left, right)


def test_two_that_fit_are_not_guessed():
    left, right = WantedInput("left", (None, 3), "float32"), WantedInput("right", (None, 3), "float32")
    message = refused({"a": rows(4, 3), "b": rows(4, 3)}, left, right)
    assert message == (
        "the input left could be a, b; name the array left: the model wants left (None, 3) float32, "
        "right (None, 3) float32; d.npz has a (4, 3) float64, b (4, 3) float64"
    )


def test_nothing_that_fits_lists_both_sides():
    message = refused({"a": rows(4, 3), "b": rows(4, 7)}, FLOATS, IDS)
    assert "nothing fits the input ids: the model wants" in message
    assert "ids (None, 5) int32" in message
    assert "a (4, 3) float64, b (4, 7) float64" in message


def test_a_shape_that_does_not_fit():
    message = refused({"x": rows(4, 7)}, FLOATS)
    assert message == "array x has the shape (4, 7), but the model wants features_in (None, 3) float32"


@pytest.mark.parametrize(
    ("shape", "wanted", "fed"),
    [
        ((4,), (None, 1), (4, 1)),
        ((4, 28, 28), (None, 28, 28, 1), (4, 28, 28, 1)),
        ((4, 1), (None,), (4,)),
        ((4, 9, 2), (None, None, 2), (4, 9, 2)),
    ],
)
def test_an_axis_of_one_is_added_or_removed_and_noted(shape, wanted, fed):
    result = matched({"x": np.ones(shape, np.float32)}, WantedInput("x", wanted, "float32"))
    assert result.inputs["x"].shape == fed
    assert bool(result.notes) == (fed != shape)
    for note in result.notes:
        assert note == f"array x {shape} was reshaped to {fed} for the input x {wanted}."


def test_pixels_become_floats():
    pixels = np.array([[0, 128, 255]], np.uint8)
    assert matched({"x": pixels}, FLOATS).inputs["features_in"].tolist() == [[0.0, 128.0, 255.0]]


def test_whole_floats_become_integers():
    fed = matched({"ids": rows(2, 5)}, IDS).inputs["ids"]
    assert fed.dtype == np.int32


@pytest.mark.parametrize(("value", "shown"), [(1.5, "1.5"), (np.nan, "NaN"), (np.inf, "Inf"), (3e9, "3e+09")])
def test_what_no_integer_can_hold_is_refused(value, shown):
    ids = rows(3, 5)
    ids[2, 1] = value
    message = refused({"ids": ids}, IDS)
    assert message.startswith(f"array ids holds {shown} in row 2, but the input wants int32: whole numbers")


def test_a_float_that_overflows_the_input_stays_visible():
    values = np.array([[1.0, 1e39, -1e39], [np.inf, 2.0, 3.0]])
    result = matched({"x": values}, FLOATS)
    np.testing.assert_array_equal(result.inputs["features_in"], [[1, np.inf, -np.inf], [np.inf, 2, 3]])
    assert result.notes == (
        "array x: 2 finite values of float64 are beyond the range of the input's float32 and became infinite.",
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_float_dtype(dtype):
    fed = matched({"x": rows(2, 3)}, WantedInput("x", (None, 3), dtype)).inputs["x"]
    assert fed.dtype.name == dtype


def test_booleans_are_zero_and_one_only():
    flag = WantedInput("x", (None,), "bool")
    assert matched({"x": np.array([0.0, 1.0])}, flag).inputs["x"].tolist() == [False, True]
    assert "holds 2 in row 0" in refused({"x": np.array([2])}, flag)


def test_texts_where_numbers_belong_and_the_reverse():
    assert refused({"x": np.array([["a", "b", "c"]])}, FLOATS) == ("array x holds texts, but the input wants float32")
    assert refused({"x": rows(2)}, WantedInput("x", (None,), "string")) == (
        "array x holds values of float64, but the input wants string"
    )


def test_arrays_of_different_lengths():
    assert refused({"x": rows(4, 3), "y": rows(5)}, FLOATS) == ("the arrays have different numbers of rows: x 4, y 5")


def test_an_array_without_rows():
    assert "array x has no rows" in refused({"x": rows(0, 3)}, FLOATS)


def test_a_scalar_beside_the_data_is_left_alone():
    result = matched({"x": rows(4, 3), "version": np.array(2)}, FLOATS)
    assert result.unused == ("version",)


def test_labels_by_option():
    arrays = {"x": rows(4, 3), "y": rows(4), "price": np.arange(4)}
    result = matched(arrays, FLOATS, labels="price")
    assert result.labels["out"].tolist() == [0, 1, 2, 3]
    assert result.labels["out"].dtype == arrays["price"].dtype
    assert result.unused == ("y",)
    assert result.notes == ("Arrays that feed nothing: y.",)


def test_labels_of_several_outputs_by_option():
    arrays = {"x": rows(4, 3), "a": rows(4), "b": rows(4)}
    outputs = ("first", "second")
    in_order = matched(arrays, FLOATS, outputs=outputs, labels="b,a")
    by_name = matched(arrays, FLOATS, outputs=outputs, labels="second=a,first=b")
    assert labels_from(in_order) == labels_from(by_name) == {"first": "b", "second": "a"}
    assert labels_from(matched(arrays, FLOATS, outputs=outputs, labels="second=a")) == {"second": "a"}


@pytest.mark.parametrize("template", ["{}", "y_{}", "{}_labels"])
def test_labels_of_several_outputs_by_name(template):
    arrays = {"x": rows(4, 3), template.format("first"): rows(4), template.format("second"): rows(4)}
    result = matched(arrays, FLOATS, outputs=("first", "second"))
    assert labels_from(result) == {name: template.format(name) for name in ("first", "second")}


def test_unknown_labels_are_wrong_usage():
    message = refused({"x": rows(4, 3), "y": rows(4)}, FLOATS, labels="z", exit_code=USAGE)
    assert message == "--labels z: d.npz has no such name; it has x, y"


def test_one_label_for_two_outputs_is_wrong_usage():
    message = refused({"x": rows(4, 3), "y": rows(4)}, FLOATS, outputs=("a", "b"), labels="y", exit_code=USAGE)
    assert message == "--labels y: the model has the outputs a, b; name the labels of each, as in --labels a=y,..."


def test_labels_that_are_texts():
    message = refused({"x": rows(2, 3), "y": np.array(["cat", "dog"])}, FLOATS, labels="y")
    assert "labels must be numbers" in message
    assert labels_from(matched({"x": rows(2, 3), "y": np.array(["cat", "dog"])}, FLOATS)) == {}


WORDS = WantedInput("words", (None, None), "int64", ragged=True)


@pytest.mark.parametrize("marks", [{"words_row_splits": [0, 2, 2, 5]}, {"words_row_lengths": [2, 0, 3]}])
def test_ragged_from_values_and_splits_or_lengths(marks):
    arrays = {"words_values": np.arange(5), **{key: np.array(value) for key, value in marks.items()}, "y": rows(3)}
    result = matched(arrays, WORDS)
    fed = result.inputs["words"]
    assert isinstance(fed, Ragged)
    assert fed.row_splits.tolist() == [0, 2, 2, 5]
    assert fed.values.tolist() == [0, 1, 2, 3, 4]
    assert (result.rows, result.unused) == (3, ())


def test_ragged_from_a_dense_array():
    fed = matched({"words": np.arange(6).reshape(2, 3)}, WORDS).inputs["words"]
    assert isinstance(fed, Ragged)
    assert fed.row_splits.tolist() == [0, 3, 6]


@pytest.mark.parametrize("splits", [[0, 2, 4], [1, 5], [0, 3, 2, 5], []])
def test_splits_that_do_not_cut_the_values(splits):
    arrays = {"words_values": np.arange(5), "words_row_splits": np.array(splits, dtype=np.int64)}
    assert "row splits go up from 0 to 5" in refused(arrays, WORDS)


def test_flat_values_alone_are_no_ragged_rows():
    assert "as words_values and words_row_splits" in refused({"words": np.arange(5)}, WORDS)
