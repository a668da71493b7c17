import os
from pathlib import Path

import numpy as np
import pytest

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.read import read_data


def refused(path: Path) -> str:
    with pytest.raises(NandoctorError) as error:
        read_data(path)
    assert error.value.exit_code == UNEXAMINABLE
    assert "\n" not in error.value.message
    return error.value.message


def test_the_suffix_chooses_the_reader_whatever_its_case(tmp_path):
    (tmp_path / "table.CSV").write_text("a\n1\n")
    np.savez(tmp_path / "arrays.npz", a=np.ones(1))
    np.save(tmp_path / "a.npy", np.ones(1))
    for name in ("table.CSV", "arrays.npz", "a.npy"):
        assert read_data(tmp_path / name).arrays["a"].tolist() == [1.0]


def test_a_missing_file(tmp_path):
    assert refused(tmp_path / "d.npz").endswith("there is no such file")


def test_a_folder(tmp_path):
    assert "a folder; name a data file (.csv, .npy, .npz)" in refused(tmp_path)


def test_an_unknown_suffix(tmp_path):
    (tmp_path / "d.xls").write_bytes(b"1")
    (tmp_path / "d").write_bytes(b"1")
    assert "cannot read .xls files; the formats are .csv, .npy, .npz" in refused(tmp_path / "d.xls")
    assert "cannot read files without a suffix" in refused(tmp_path / "d")


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".npz"])
def test_an_empty_file(tmp_path, suffix):
    (tmp_path / f"d{suffix}").touch()
    assert refused(tmp_path / f"d{suffix}").endswith("the file is empty")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    (tmp_path / "d.csv").write_text("a\n1\n")
    (tmp_path / "d.csv").chmod(0)
    assert "cannot be read (Permission denied)" in refused(tmp_path / "d.csv")
