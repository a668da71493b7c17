"""What cannot be examined: one line that says what is wrong, and exit code 3."""

import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import duckdb
import numpy as np
import pytest
import zstandard

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream.observe import observe_data
from nandoctor.probes.data.stream.records import LONGEST_ROW

ROWS = "a,b\n" + "1.25,2.5\n" * 5000


def truncated(path):
    return truncated_by(path, 200)


def truncated_by(path, size):
    path.write_bytes(path.read_bytes()[:-size])
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


def no_zstandard(folder):
    path = folder / "d.csv.zst"
    path.write_text(ROWS)
    return path, "not a whole compressed file"


def truncated_zstandard(folder):
    path = folder / "d.csv.zst"
    path.write_bytes(zstandard.compress(np.random.default_rng(0).bytes(400_000).hex(",", 4).encode()))
    return truncated(path), "not a whole compressed file"


def truncated_json_lines(folder):
    path = folder / "d.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1.5}\n' * 5000))
    return truncated_by(path, 5), "not a whole compressed file"


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


def longer_than_any_disk(folder):
    path = folder / "d.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_2_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**15, 3)})
    return path, "not a whole array"


def complex_numbers(folder):
    path = folder / "d.npy"
    np.save(path, np.zeros(3, complex))
    return path, "no array of numbers with rows in it, but d (complex128)"


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


def many_keys(folder):
    path = folder / "d.jsonl"
    path.write_text(json.dumps({f"c{place}": place for place in range(100_000)}) + "\n")
    return path, "100,000 different keys"


def long_object(folder):
    path = folder / "d.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": "' + b"x" * (LONGEST_ROW + 10) + b'"}\n')
    return path, "line 2: a row of more than 64 MB"


def no_suffix(folder):
    path = folder / "data"
    path.write_text(ROWS)
    return path, "cannot read files without a suffix"


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


def other_shapes(folder):
    np.savez(folder / "a.npz", x=np.zeros((3, 2)))
    np.savez(folder / "b.npz", x=np.zeros((3, 5)))
    return folder, "array x has the shape (3, 5), in "


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
    no_zstandard,
    truncated_zstandard,
    truncated_json_lines,
    truncated_npz,
    member_shorter_than_its_header_says,
    truncated_npy,
    damaged_member,
    truncated_parquet,
    longer_than_any_disk,
    complex_numbers,
    objects,
    encrypted,
    no_json,
    many_columns,
    many_keys,
    long_line,
    long_object,
    no_suffix,
    pipe,
    image,
    other_columns,
    other_shapes,
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


# The superuser may read everything, and becomes another user for this. That one does not find what is imported late:
# a first file is examined for that alone.
AS_ANYONE = """
import contextlib, io, os, sys
from nandoctor.cli.main import run
path = sys.argv.pop()
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    run()
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.argv[-1] = path
run()
"""


@pytest.mark.parametrize("locked", ["file", "folder", "file in it"])
def test_what_may_not_be_read_is_refused(locked):
    # Another user may not enter pytest's own folder.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "open.csv").write_text(ROWS)
        (folder / "in").mkdir()
        path = folder / "in" / "d.csv"
        path.write_text(ROWS)
        (path if locked == "file" else path.parent).chmod(0)
        command = [sys.executable, "-c", AS_ANYONE, "check-data", folder / "open.csv"]

        done = subprocess.run(
            [*command, path.parent if locked == "folder" else path], capture_output=True, text=True, check=False
        )
        path.parent.chmod(0o755)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (UNEXAMINABLE, "", 1)
    assert "cannot be read (Permission denied)" in done.stderr


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from nandoctor.cli.main import run
run()
"""


def in_column_order(folder):
    path = folder / "d.npz"
    np.savez_compressed(path, x=np.zeros((50_000, 3), order="F"))
    return path


@pytest.mark.skipif(os.name != "posix", reason="a limit on the size of files stands for a full disk")
@pytest.mark.parametrize("source", ["standard input", "column order"])
def test_no_room_for_a_temporary_file_is_told(tmp_path, source):
    path = "-" if source == "standard input" else in_column_order(tmp_path)
    command = [sys.executable, "-c", FULL, "check-data", path]

    done = subprocess.run(command, input=ROWS * 4, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (UNEXAMINABLE, "", 1)
    assert "no room for" in done.stderr
    assert "TMPDIR" in done.stderr


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
