from pathlib import Path

import numpy as np
import pytest

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.probes.data.csv import read_csv
from nandoctor.probes.data.match import match
from nandoctor.probes.data.matched import Matched, WantedInput

TWO = WantedInput("keras_tensor", (None, 2), "float32")
ANY = WantedInput("keras_tensor", (None, None), "float32")


def matched(folder: Path, text: str, *inputs: WantedInput, outputs=("out",), labels=None) -> Matched:
    path = folder / "d.csv"
    path.write_text(text)
    return match(read_csv(path), inputs, outputs, labels)


def refused(folder: Path, text: str, *inputs: WantedInput, labels=None, exit_code=UNEXAMINABLE) -> str:
    with pytest.raises(NandoctorError) as error:
        matched(folder, text, *inputs, labels=labels)
    assert error.value.exit_code == exit_code
    assert "\n" not in error.value.message
    return error.value.message


def columns(result: Matched) -> dict[str, tuple[str, ...]]:
    return {binding.bound_to: binding.columns for binding in (*result.input_bindings, *result.label_bindings)}


def test_all_columns_but_the_label_are_one_table_in_file_order(tmp_path):
    result = matched(tmp_path, "b,price,a\n1,2,3\n4,5,6\n", TWO, labels="price")
    assert columns(result) == {"keras_tensor": ("b", "a"), "out": ("price",)}
    assert result.inputs["keras_tensor"].tolist() == [[1, 3], [4, 6]]
    assert result.inputs["keras_tensor"].dtype == np.float32
    assert result.labels["out"].tolist() == [2, 5]
    assert (result.rows, result.notes, result.unused) == (2, (), ())


def test_a_label_by_its_name(tmp_path):
    result = matched(tmp_path, "a,b,Target\n1,2,3\n", TWO)
    assert columns(result) == {"keras_tensor": ("a", "b"), "out": ("Target",)}
    assert result.notes == ("Labels, by their names: Target for the output out.",)


def test_a_column_named_y_that_the_table_needs_is_no_label(tmp_path):
    assert columns(matched(tmp_path, "x,y\n1,2\n", TWO)) == {"keras_tensor": ("x", "y")}


def test_several_columns_are_one_label_of_a_single_output(tmp_path):
    result = matched(tmp_path, "a,b,u,v\n1,2,3,4\n", TWO, labels="u,v")
    assert result.labels["out"].tolist() == [[3, 4]]


def test_labels_of_two_outputs(tmp_path):
    text = "a,b,u,v\n1,2,3,4\n"
    result = matched(tmp_path, text, TWO, outputs=("first", "second"), labels="second=u,first=v")
    assert columns(result) == {"keras_tensor": ("a", "b"), "first": ("v",), "second": ("u",)}


def test_columns_named_like_the_inputs(tmp_path):
    age, city = WantedInput("age", (None, 1), "float32"), WantedInput("city", (None,), "string")
    result = matched(tmp_path, "city,age,note\nBern,3,x\nBasel,nan,y\n", age, city)
    np.testing.assert_array_equal(result.inputs["age"], [[3], [np.nan]])
    assert result.inputs["city"].tolist() == ["Bern", "Basel"]
    assert result.notes == ("Columns that feed nothing: note.",)


def test_the_input_that_is_left_takes_the_columns_that_are_left(tmp_path):
    age = WantedInput("age", (None, 1), "float32")
    assert columns(matched(tmp_path, "a,age,b\n1,2,3\n", age, TWO)) == {"age": ("age",), "keras_tensor": ("a", "b")}


def test_a_single_text_input_takes_the_only_text_column(tmp_path):
    text = WantedInput("text", (None,), "string")
    assert matched(tmp_path, "id,review\n1,good\n2,bad\n", text).inputs["text"].tolist() == ["good", "bad"]


def test_numbers_for_a_text_input_stay_as_they_were_written(tmp_path):
    zip_code = WantedInput("zip", (None,), "string")
    assert matched(tmp_path, "zip\n01230\n4.50\n", zip_code).inputs["zip"].tolist() == ["01230", "4.50"]


def test_text_columns_are_left_out_where_the_numbers_are_enough(tmp_path):
    result = matched(tmp_path, "name,a,b\nx,1,2\n", TWO)
    assert columns(result) == {"keras_tensor": ("a", "b")}
    assert result.notes == ("Columns that feed nothing: name.",)


def test_the_row_index_that_pandas_writes_is_left_out(tmp_path):
    result = matched(tmp_path, ",a,b\n0,1,2\n1,3,4\n", TWO)
    assert columns(result) == {"keras_tensor": ("a", "b")}
    assert result.unused == ("unnamed column 1",)


@pytest.mark.parametrize("wanted", [TWO, ANY])
def test_a_text_among_numbers_is_named_by_column_line_and_text(tmp_path, wanted):
    message = refused(tmp_path, "a,b\n1,2\n3,oops\n", wanted)
    assert message.endswith("d.csv, line 3: column b holds 'oops', which is not a number")


def test_a_text_column_that_the_table_needs(tmp_path):
    assert "line 2: column b holds 'red', which is not a number" in refused(tmp_path, "a,b\n1,red\n3,blue\n", TWO)


def test_a_label_column_of_texts(tmp_path):
    assert "line 2: column kind holds 'cat'" in refused(tmp_path, "a,b,kind\n1,2,cat\n", TWO, labels="kind")


def test_too_many_columns_list_both_sides(tmp_path):
    message = refused(tmp_path, "a,b,c\n1,2,3\n", TWO)
    assert message.startswith("3 columns of numbers do not fit the input keras_tensor: the model wants ")
    assert "keras_tensor (None, 2) float32" in message
    assert message.endswith("d.csv has a (1,) float64, b (1,) float64, c (1,) float64")


def test_images_are_not_made_from_columns(tmp_path):
    image = WantedInput("image", (None, 2, 2, 1), "float32")
    assert refused(tmp_path, "a,b,c,d\n1,2,3,4\n", image).startswith("no column is named image: the model wants")


def test_an_unknown_label_is_wrong_usage(tmp_path):
    message = refused(tmp_path, "a,b\n1,2\n", TWO, labels="c", exit_code=USAGE)
    assert message.startswith("--labels c: ")
    assert message.endswith("d.csv has no such name; it has a, b")


def test_an_empty_cell_cannot_be_an_integer(tmp_path):
    ids = WantedInput("ids", (None, 2), "int32")
    assert "holds NaN in row 1, but the input wants int32" in refused(tmp_path, "a,b\n1,2\n3,\n", ids)
