from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nandoctor.probes.watch.tables_read import TablesRead


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("1,2\n3,4\n")
    return path


def test_what_numpy_and_pandas_read_is_noted_and_read_as_ever(file: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    other = tmp_path / "b.csv"
    other.write_text("1,2\n")
    read = TablesRead()
    plain = np.genfromtxt
    read.begin()
    try:
        np.testing.assert_array_equal(np.genfromtxt(file, delimiter=","), [[1, 2], [3, 4]])
        frame = pandas.read_csv(str(other), header=None)
        np.loadtxt(fname=file, delimiter=",")
    finally:
        read.end()

    assert frame.shape == (1, 2)
    assert read.files == [file, other]
    assert np.genfromtxt is plain


def test_after_its_end_nothing_is_noted(file: Path) -> None:
    read = TablesRead()
    read.begin()
    kept = np.loadtxt
    read.end()

    kept(file, delimiter=",")

    assert read.files == []


def test_the_errors_of_a_reader_are_the_script_s(tmp_path: Path) -> None:
    read = TablesRead()
    read.begin()
    try:
        with pytest.raises(FileNotFoundError):
            np.loadtxt(tmp_path / "gone.csv")
        with pytest.raises(TypeError):
            np.loadtxt()
    finally:
        read.end()

    assert read.files == []
