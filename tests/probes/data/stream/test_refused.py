"""What cannot be examined: one line that says what is wrong, and exit code 3."""

import gzip
import io
import os
import zipfile

import duckdb
import numpy as np
import pytest

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream.observe import observe_data
from nandoctor.probes.data.stream.records import LONGEST_ROW

ROWS = "a,b\n" + "1.25,2.5\n" * 5000


def truncated(path):
    path.write_bytes(path.read_bytes()[:-200])
    return path


def empty(folder):
    path = folder / "d.csv"
    path.touch()
    return path, "is empty"


def header_alone(folder):
    path = folder / "d.csv"
    path.write_text("a,b\n")
    return path, "no rows"


def blank(folder):
    path = folder / "d.csv"
    path.write_text("\n\n\n")
    return path, "nothing but blank lines"


def without_data(folder):
    (folder / "readme.txt").write_text("hello")
    return folder, "a folder without data files"


def unknown_format(folder):
    path = folder / "d.xlsx"
    path.write_text("x")
    return path, "cannot read .xlsx files; the formats are .csv"


def truncated_gzip(folder):
    path = folder / "d.csv.gz"
    path.write_bytes(gzip.compress(np.random.default_rng(0).bytes(9000).hex().encode()))
    return truncated(path), "not a whole compressed file"


def no_gzip(folder):
    path = folder / "d.csv.gz"
    path.write_text(ROWS)
    return path, "not a whole compressed file"


def truncated_zstandard(folder):
    path = folder / "d.csv.zst"
    path.write_text(ROWS)
    return path, "not a whole compressed file"


def truncated_npz(folder):
    path = folder / "d.npz"
    np.savez(path, x=np.zeros((100, 3)))
    return truncated(path), "not a whole .npz file"


def member_shorter_than_its_header_says(folder):
    path = folder / "d.npz"
    raw = io.BytesIO()
    np.save(raw, np.zeros((100, 3)))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", raw.getvalue()[:-8])
    return path, "array x: not a whole array"


def truncated_npy(folder):
    path = folder / "d.npy"
    np.save(path, np.zeros((100, 3)))
    return truncated(path), "not a whole array"


def damaged_member(folder):
    path = folder / "d.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).normal(size=(5000, 3)))
    raw = bytearray(path.read_bytes())
    raw[2000:2100] = bytes(100)
    path.write_bytes(raw)
    return path, "not a whole .npz file"


def truncated_parquet(folder):
    path = folder / "d.parquet"
    duckdb.sql(f"COPY (SELECT range AS a FROM range(5000)) TO '{path}'")
    return truncated(path), "not a whole Parquet file"


def objects(folder):
    path = folder / "d.npz"
    np.savez(path, x=np.array([1, "a", None], dtype=object))
    return path, "Python objects, which is never unpickled"


def encrypted(folder):
    path = folder / "d.npz"
    np.savez(path, x=np.zeros(3))
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        central = archive.start_dir
    raw[central + 8] |= 1
    path.write_bytes(raw)
    return path, "is encrypted"


def no_json(folder):
    path = folder / "d.jsonl"
    path.write_text("1\n2\n")
    return path, "no JSON objects"


def many_columns(folder):
    path = folder / "d.csv"
    path.write_text(",".join(map("c{}".format, range(100_000))) + "\n" + ",".join(["1"] * 100_000) + "\n")
    return path, "100,000 columns; a text table is read up to 10,000"


def long_line(folder):
    path = folder / "d.csv"
    path.write_bytes(b"a,b\n1,2\n" + b"x" * (LONGEST_ROW + 10))
    return path, "line 3: a row of more than 64 MB"


def pipe(folder):
    path = folder / "d.csv"
    os.mkfifo(path)
    return path, "a pipe"


def image(folder):
    path = folder / "d.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)))
    return path, "no text table"


def other_columns(folder):
    (folder / "a.csv").write_text("a,b\n1,2\n")
    (folder / "b.csv").write_text("a,c\n1,2\n")
    return folder, "the columns b, c are in one of them only"


def mixed_formats(folder):
    (folder / "a.csv").write_text("a,b\n1,2\n")
    np.save(folder / "b.npy", np.zeros(3))
    return folder, "different formats"


CASES = [
    empty,
    header_alone,
    blank,
    without_data,
    unknown_format,
    truncated_gzip,
    no_gzip,
    truncated_zstandard,
    truncated_npz,
    member_shorter_than_its_header_says,
    truncated_npy,
    damaged_member,
    truncated_parquet,
    objects,
    encrypted,
    no_json,
    many_columns,
    long_line,
    pipe,
    image,
    other_columns,
    mixed_formats,
]


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_in_one_line(tmp_path, case):
    path, says = case(tmp_path)

    with pytest.raises(NandoctorError) as error:
        observe_data([str(path)])

    assert says in error.value.message
    assert "\n" not in error.value.message
    assert error.value.exit_code == UNEXAMINABLE


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/nowhere/d.csv", "there is no such file"),
        ("/nowhere/*.csv", "no file has such a name"),
        ("s3://bucket/d.xyz", "cannot read .xyz files"),
        ("nosuchprotocol://bucket/d.csv", "nosuchprotocol://bucket/d.csv: "),
    ],
)
def test_what_is_not_there_is_refused(name, says):
    with pytest.raises(NandoctorError, match=r"^[^\n]*$") as error:
        observe_data([name])

    assert says in error.value.message
    assert error.value.exit_code == UNEXAMINABLE


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text(ROWS)
    path.chmod(0)

    with pytest.raises(NandoctorError, match="Permission denied"):
        observe_data([str(path)])


@pytest.mark.parametrize("suffix", ["csv.gz", "npz"])
def test_what_inflates_past_the_limit_is_refused(tmp_path, suffix):
    path = tmp_path / f"d.{suffix}"
    if suffix == "npz":
        np.savez_compressed(path, x=np.zeros(200_000))
    else:
        path.write_bytes(gzip.compress(ROWS.encode() * 40))

    with pytest.raises(NandoctorError, match="--max-bytes"):
        observe_data([str(path)], max_bytes=1_000_000)

    assert observe_data([str(path)], max_bytes=10_000_000).rows > 0
