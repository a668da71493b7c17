import math
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.csv import cell_value, read_csv
from nandoctor.probes.data.written import WrittenCell


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path: Path) -> str:
    with pytest.raises(NandoctorError) as error:
        read_csv(path)
    assert error.value.exit_code == UNEXAMINABLE
    assert "\n" not in error.value.message
    return error.value.message


def test_columns_of_numbers_and_of_texts(tmp_path):
    data = read_csv(write(tmp_path, "age,city\n31,Bern\n4.5,Basel\n"))
    assert list(data.arrays) == ["age", "city"]
    np.testing.assert_array_equal(data.arrays["age"], [31.0, 4.5])
    assert data.arrays["city"].tolist() == ["Bern", "Basel"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_read_off_the_header(tmp_path, delimiter):
    text = "\n".join(delimiter.join(cells) for cells in (["a", "b", "c"], ["1", "2", "3"]))
    data = read_csv(write(tmp_path, text))
    assert {name: column.tolist() for name, column in data.arrays.items()} == {"a": [1.0], "b": [2.0], "c": [3.0]}


def test_a_delimiter_inside_quotes_does_not_count(tmp_path):
    data = read_csv(write(tmp_path, '"a,b,c";d\n1;2\n'))
    assert list(data.arrays) == ["a,b,c", "d"]


def test_an_empty_cell_is_missing_and_a_nan_is_not(tmp_path):
    data = read_csv(write(tmp_path, "a,b\n1,2\n,nan\n3, \n"))
    np.testing.assert_array_equal(data.arrays["a"], [1.0, math.nan, 3.0])
    assert {name: rows.tolist() for name, rows in data.missing.items()} == {"a": [1], "b": [2]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nan", math.nan),
        ("NaN", math.nan),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("1e400", math.inf),
        ("", math.nan),
    ],
)
def test_non_finite_cells_are_numbers(text, value):
    np.testing.assert_array_equal(cell_value(text), value)


@pytest.mark.parametrize("text", ["NA", "None", "1,5", "1_000", "٣", "0x10", "1 2"])
def test_what_only_looks_like_a_number_is_text(tmp_path, text):
    assert cell_value(text) is None
    data = read_csv(write(tmp_path, f'a;b\n1;"{text}"\n'))
    assert data.arrays["b"].tolist() == [text]


def test_a_byte_order_mark_and_quoted_newlines(tmp_path):
    path = write(tmp_path, b'\xef\xbb\xbfname,value\r\n"two\nlines",1\r\nplain,nan\r\n')
    data = read_csv(path)
    assert list(data.arrays) == ["name", "value"]
    assert data.arrays["name"].tolist() == ["two\nlines", "plain"]
    assert data.written is not None
    assert data.written.cells([("value", 1), ("value", 0)]) == {
        ("value", 0): WrittenCell("1", 2),
        ("value", 1): WrittenCell("nan", 4),
    }


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path):
    data = read_csv(write(tmp_path, "a\n1\n\ninf\n"))
    assert data.arrays["a"].tolist() == [1.0, math.inf]
    assert data.written is not None
    assert data.written.cells([("a", 1)]) == {("a", 1): WrittenCell("inf", 4)}


def test_text_after_many_rows_of_numbers_makes_the_column_text(tmp_path):
    data = read_csv(write(tmp_path, "a,b\n" + "1,2\n" * 5000 + "oops,3\n"))
    assert data.arrays["a"][[0, -1]].tolist() == ["1", "oops"]
    assert data.arrays["b"].dtype == np.float64


def test_the_names_that_pandas_gives_are_a_header(tmp_path):
    assert list(read_csv(write(tmp_path, "0,1,2\n5,6,7\n")).arrays) == ["0", "1", "2"]


def test_a_header_alone_has_no_rows(tmp_path):
    assert refused(write(tmp_path, "a,b\n")).endswith("a header and no rows; there is nothing to examine")


def test_blank_lines_alone_are_an_empty_file(tmp_path):
    assert refused(write(tmp_path, "\n\n")).endswith("the file is empty")


def test_a_ragged_row_is_named_by_its_line(tmp_path):
    message = refused(write(tmp_path, "a,b\n1,2\n3\n"))
    assert "line 3: 1 cells, but the header has 2 columns" in message


def test_an_unclosed_quote_is_named_by_its_line(tmp_path):
    assert "line 3: not a row of a csv file" in refused(write(tmp_path, 'a,b\n1,2\n"3,4\n5,6\n'))


def test_bytes_that_are_not_utf8_are_named_by_their_line(tmp_path):
    assert "line 2: not UTF-8 text" in refused(write(tmp_path, b"a,b\n1,\xff\n"))


def test_numbers_instead_of_a_header(tmp_path):
    assert "line 1: numbers where the names of the columns belong" in refused(write(tmp_path, "1.5,2\n3,4\n"))


def test_two_columns_of_one_name(tmp_path):
    assert "two columns are named 'a'" in refused(write(tmp_path, "a,a\n1,2\n"))


def test_a_wide_file(tmp_path):
    names = [f"a_long_name_of_a_column_{place}" for place in range(20_000)]
    row = ",".join(str(place) for place in range(20_000))
    data = read_csv(write(tmp_path, ",".join(names) + f"\n{row}\n{row}\n"))
    assert len(data.arrays) == 20_000
    assert data.arrays[names[-1]].tolist() == [19_999.0, 19_999.0]


@given(st.text(alphabet='ab1,;\t"\n\r. é_', max_size=60))
def test_any_text_is_read_or_refused(text):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), text)
        with suppress(NandoctorError):
            assert len({len(column) for column in read_csv(path).arrays.values()}) == 1
