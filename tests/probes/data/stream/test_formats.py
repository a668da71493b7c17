"""Files as people have them: dialects, compression, encodings, folders, splits, roles."""

import codecs
import gzip
import io
import sys

import duckdb
import numpy as np
import pytest
import zstandard

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.probes.data.stream.observe import fold_files, observe_data

pytestmark = pytest.mark.usefixtures("text_reader")

TEXT = "a,b\n1,2\n3,nan\n"


def columns(facts):
    return {column.name: column for array in facts.arrays for column in array.columns}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_are_recognised_and_named(tmp_path, encoding):
    (tmp_path / "d.csv").write_bytes(TEXT.encode(encoding))

    facts = observe_data([str(tmp_path / "d.csv")])

    (cell,) = columns(facts)["b"].bad
    assert (cell.row, cell.line, cell.text) == (1, 3, "nan")
    assert facts.dialect.encoding.startswith(encoding)
    assert facts.notices


def test_a_byte_order_mark_counts_in_the_bytes(tmp_path):
    raw = codecs.BOM_UTF8 + TEXT.encode()
    (tmp_path / "d.csv").write_bytes(raw)

    (cell,) = columns(observe_data([str(tmp_path / "d.csv")]))["b"].bad

    assert raw[cell.byte :] == b"3,nan\n"


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress), ("", bytes)])
def test_compressed_text(tmp_path, suffix, pack):
    path = tmp_path / f"d.csv{suffix}"
    path.write_bytes(pack(TEXT.encode()))

    (cell,) = columns(observe_data([str(path)]))["b"].bad

    assert (cell.row, cell.line, cell.byte) == (1, 3, 8)


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))

    facts = observe_data(["-"])

    assert (facts.path, facts.rows) == ("standard input", 2)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path, delimiter):
    (tmp_path / "d.csv").write_text(TEXT.replace(",", delimiter))

    facts = observe_data([str(tmp_path / "d.csv")])

    assert facts.dialect.delimiter == delimiter
    assert columns(facts)["a"].stats.mean == 2.0


def test_decimal_commas(tmp_path):
    (tmp_path / "d.csv").write_text("a;b\n1,5;2\n2,5;-3,25\n1.234,5;0\n")

    facts = observe_data([str(tmp_path / "d.csv")])

    assert facts.dialect.decimal == ","
    assert "decimal comma" in facts.notices[0]
    assert columns(facts)["a"].stats.maximum == 2.5
    assert [cell.text for cell in columns(facts)["a"].tokens] == ["1.234,5"]


def test_a_decimal_comma_among_points_is_no_number(tmp_path):
    (tmp_path / "d.csv").write_text('a,b\n1.5,2\n"1,5",3\n')

    (cell,) = columns(observe_data([str(tmp_path / "d.csv")]))["a"].tokens

    assert (cell.row, cell.line, cell.byte, cell.text) == (1, 3, 10, "1,5")


def test_duplicate_missing_and_absent_names(tmp_path):
    (tmp_path / "d.csv").write_text("a,,a,\n1,2,3,4\n")
    (tmp_path / "n.csv").write_text("1,2\n3,4\n")

    facts = observe_data([str(tmp_path / "d.csv")])
    nameless = observe_data([str(tmp_path / "n.csv")])

    assert list(columns(facts)) == ["a", "unnamed column 2", "a (2)", "unnamed column 4"]
    assert "no name" in facts.notices[0]
    assert "several columns are named a" in facts.notices[1]
    assert (nameless.rows, list(columns(nameless))) == (2, ["0", "1"])
    assert "holds values, no names" in nameless.notices[0]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("5.1,3.5,1.4,setosa\n4.9,3.0,1.3,setosa\n5.4,3.9,1.7,virginica\n", ["0", "1", "2", "3"]),
        ("country,2001,2002,2003\nA,1999,2001,2002\nB,2003,2009,2010\n", ["country", "2001", "2002", "2003"]),
        ("sample,400,410,431\nA,0.1,0.2,0.3\nB,0.3,0.2,0.1\n", ["sample", "400", "410", "431"]),
    ],
)
def test_a_first_line_like_the_others_is_a_row(tmp_path, text, names):
    (tmp_path / "d.csv").write_text(text)

    facts = observe_data([str(tmp_path / "d.csv")])

    assert (list(columns(facts)), facts.rows) == (names, 3 if names[0] == "0" else 2)


def test_rows_read_and_rows_rejected_are_all_the_rows(tmp_path):
    lines = [b"a,b", b"1,2", b"3", b'"x\ny",4', b"5,6,7", b"", b"\xff,8", b"9,10"]
    (tmp_path / "d.csv").write_bytes(b"\n".join(lines))

    facts = observe_data([str(tmp_path / "d.csv")])

    assert (facts.rows, facts.rejected_rows, facts.files[0][1]) == (3, 3, 6)
    assert [(row.row, row.line, row.reason) for row in facts.rejected] == [
        (1, 3, "1 cells instead of 2"),
        (3, 6, "3 cells instead of 2"),
        (4, 8, "not UTF-8"),
    ]
    assert columns(facts)["b"].highest[0].row == 5
    assert columns(facts)["b"].highest[0].line == 9


@pytest.mark.parametrize("chunk_bytes", [8, 64, 1 << 20])
def test_quotes_that_do_not_pair_up(tmp_path, chunk_bytes):
    (tmp_path / "d.csv").write_text('a,b\n5" pipe,1\n"x",2\n6" pipe,\n7"",4\n')

    facts = fold_files([str(tmp_path / "d.csv")], None, (), None, None, chunk_bytes=chunk_bytes)

    assert (facts.rows, facts.rejected_rows) == (4, 0)
    assert [cell.text for cell in columns(facts)["a"].tokens] == ['5" pipe', "x", '6" pipe', '7""']
    assert [cell.row for cell in columns(facts)["b"].bad] == [2]


def test_carriage_returns_alone_end_lines(tmp_path):
    (tmp_path / "d.csv").write_bytes(TEXT.replace("\n", "\r").encode())

    (cell,) = columns(observe_data([str(tmp_path / "d.csv")]))["b"].bad

    assert (cell.row, cell.line) == (1, 3)


def test_whole_numbers_that_no_float_holds(tmp_path):
    (tmp_path / "d.csv").write_text("id\n9007199254740992\n9007199254740993\n1e300\n")
    np.savez(tmp_path / "d.npz", id=np.array([2**53, 2**53 + 1, 7]))
    duckdb.sql(f"COPY (SELECT unnest([9007199254740992, 9007199254740993]) AS id) TO '{tmp_path}/d.parquet'")

    for name in ("d.csv", "d.npz", "d.parquet"):
        (column,) = columns(observe_data([str(tmp_path / name)])).values()
        assert (column.rounded, [cell.row for cell in column.rounded_cells]) == (1, [1]), name
        assert column.rounded_cells[0].text == "9007199254740993"


def test_a_folder_is_one_set(tmp_path):
    (tmp_path / "a.csv").write_text(TEXT)
    (tmp_path / "b.csv").write_text("a,b\n5,6\n7,\n")

    facts = observe_data([str(tmp_path)])
    globbed = observe_data([str(tmp_path / "*.csv")])

    assert facts.rows == 4
    assert facts.files == ((str(tmp_path / "a.csv"), 2), (str(tmp_path / "b.csv"), 2))
    nan, missing = columns(facts)["b"].bad
    assert (nan.row, nan.line, nan.file) == (1, 3, str(tmp_path / "a.csv"))
    assert (missing.row, missing.line, missing.file) == (3, 3, str(tmp_path / "b.csv"))
    assert globbed.arrays == facts.arrays or repr(globbed.arrays) == repr(facts.arrays)


def test_archives_of_a_folder_are_one_set(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 2)), y=np.array([0, 1, 0]))
    np.savez(tmp_path / "b.npz", x=np.full((2, 2), np.inf), y=np.array([1, 1]))

    facts = observe_data([str(tmp_path)], target="y")

    x, y = facts.arrays
    assert (x.role, x.shape, x.stats.positive_inf, x.columns[0].bad[0].row) == ("input", (5, 2), 4, 3)
    assert (y.role, y.shape, y.columns[0].repeated) == ("label", (5,), ((1.0, 3), (0.0, 2)))


def test_arrays_of_texts_in_several_files_are_one(tmp_path):
    for name in "ab":
        np.savez(tmp_path / f"{name}.npz", x=np.zeros((3, 2)), kind=np.array(["u", "v", "w"]))

    facts = observe_data([str(tmp_path)])

    assert [(array.name, array.shape, array.role) for array in facts.arrays] == [
        ("x", (6, 2), "input"),
        ("kind", (6,), "unused"),
    ]
    assert all("array kind (3,) of string was not examined" in notice for notice in facts.notices)


def test_keys_that_differ_in_capitals_alone_or_are_empty(tmp_path):
    (tmp_path / "d.jsonl").write_text('{"A": 1, "": 5}\n{"a": 2, "A": 3, "b/~": "x"}\n')

    found = columns(observe_data([str(tmp_path / "d.jsonl")]))

    assert {
        name: (column.stats.maximum, column.stats.missing, column.non_numeric) for name, column in found.items()
    } == {
        "A": (3.0, 0, 0),
        "": (5.0, 1, 0),
        "a": (2.0, 1, 0),
        "b/~": (None, 1, 1),
    }


def test_roles(tmp_path):
    (tmp_path / "d.csv").write_text("id,a,price\n1,2,3\n2,3,4\n")

    facts = observe_data([str(tmp_path / "d.csv")], target="price", exclude=["id"])

    assert [(array.name, array.role) for array in facts.arrays] == [
        ("table", "input"),
        ("price", "label"),
        ("id", "unused"),
    ]
    assert facts.sample.columns == (("id", "id"), ("table", "a"), ("price", "price"))
    assert facts.sample.values == ((1.0, 2.0), (2.0, 3.0), (3.0, 4.0))
    with pytest.raises(NandoctorError, match="--target cost") as error:
        observe_data([str(tmp_path / "d.csv")], target="cost")
    assert error.value.exit_code == USAGE


def test_splits_are_observed_apart(tmp_path):
    (tmp_path / "a.csv").write_text(TEXT)
    (tmp_path / "b.csv").write_text("a,b\n5,6\n")

    facts = observe_data([], splits={"train": str(tmp_path / "a.csv"), "val": str(tmp_path / "b.csv")})

    assert (facts.split, facts.rows, [(one.name, one.rows) for one in facts.splits]) == ("train", 2, [("val", 1)])


def test_images_are_columns_by_channel(tmp_path):
    images = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    np.savez(tmp_path / "d.npz", x=images)

    (array,) = observe_data([str(tmp_path / "d.npz")]).arrays

    assert (array.shape, len(array.columns), array.columns[2].stats.maximum) == ((2, 4, 4, 3), 3, 95.0)
    assert array.columns[2].highest[0].row == 1


def test_arrays_in_column_order_and_of_big_end_numbers(tmp_path):
    table = np.arange(12.0).reshape(4, 3)
    np.savez(tmp_path / "d.npz", f=np.asfortranarray(table), b=table.astype(">f4"))

    f, b = observe_data([str(tmp_path / "d.npz")]).arrays

    assert f.columns[1].stats == b.columns[1].stats
    assert f.columns[1].highest[0].row == 3


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_column_order_changes_nothing(tmp_path, monkeypatch, save):
    monkeypatch.setattr("nandoctor.probes.data.stream.arrays.BLOCK_CELLS", 100)
    monkeypatch.setattr("nandoctor.probes.data.stream.arrays.BLOCK_ROWS", 1)
    images = np.random.default_rng(0).normal(size=(20, 3, 5, 2)).astype(">f4")
    images[13, 2, 4, 1] = np.nan
    save(tmp_path / "c.npz", x=images)
    save(tmp_path / "f.npz", x=np.asfortranarray(images))

    c, f = (observe_data([str(tmp_path / f"{name}.npz")]).arrays for name in "cf")

    assert repr(f) == repr(c)
    assert [cell.row for cell in f[0].columns[1].bad] == [13]


def test_a_member_that_is_not_compressed_is_compared_with_its_checksum(tmp_path):
    path = tmp_path / "d.npz"
    np.savez(path, x=np.arange(100.0))
    path.write_bytes(path.read_bytes().replace(np.float64(50).tobytes(), np.float64(51).tobytes()))

    with pytest.raises(NandoctorError, match=r"not a whole \.npz file"):
        observe_data([str(path)])


def test_the_sampled_rows_are_those_with_the_smallest_hashes(tmp_path):
    from nandoctor.probes.data.sample import sampled_rows

    values = np.arange(20_000)
    np.savez(tmp_path / "d.npz", x=values)
    (tmp_path / "d.csv").write_text("x\n" + "\n".join(map(str, values.tolist())))

    for name in ("d.npz", "d.csv"):
        sample = fold_files([str(tmp_path / name)], None, (), None, None, chunk_bytes=30_000).sample
        assert sample.rows == tuple(sampled_rows(20_000).tolist())
        assert sample.values == (tuple(map(float, sample.rows)),)


def test_progress_counts_rows_and_bytes(tmp_path):
    (tmp_path / "d.csv").write_text("a\n" + "1.5\n" * 1000)
    told = []

    fold_files([str(tmp_path / "d.csv")], None, (), None, lambda *so_far: told.append(so_far), chunk_bytes=1000)

    assert told == sorted(told)
    assert told[-1] == (1000, 4000)
