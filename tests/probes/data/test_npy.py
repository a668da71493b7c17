import io
import tempfile
from contextlib import suppress
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.npy import read_npy


def refused(path: Path) -> str:
    with pytest.raises(NandoctorError) as error:
        read_npy(path)
    assert error.value.exit_code == UNEXAMINABLE
    assert "\n" not in error.value.message
    return error.value.message


def test_the_array_is_named_after_the_file(tmp_path):
    np.save(tmp_path / "features.npy", np.arange(3))
    assert read_npy(tmp_path / "features.npy").arrays["features"].tolist() == [0, 1, 2]


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "d.npy", np.array([{"a": 1}], dtype=object))
    assert "which is never unpickled" in refused(tmp_path / "d.npy")


def test_bfloat16_which_numpy_cannot_name(tmp_path):
    np.save(tmp_path / "d.npy", np.zeros(3, ml_dtypes.bfloat16))
    assert "save bfloat16 and the like as float32" in refused(tmp_path / "d.npy")


@pytest.mark.parametrize("kept", [4, 20, 70, 200])
def test_a_truncated_file(tmp_path, kept):
    np.save(tmp_path / "whole.npy", np.zeros(100))
    (tmp_path / "d.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:kept])
    assert "not a whole array" in refused(tmp_path / "d.npy")


def test_another_format(tmp_path):
    (tmp_path / "d.npy").write_text("x,y\n1,2\n")
    assert "not a whole array" in refused(tmp_path / "d.npy")


def test_another_byte_order(tmp_path):
    np.save(tmp_path / "d.npy", np.array([1.5, 2.5], ">f4"))
    array = read_npy(tmp_path / "d.npy").arrays["d"]
    assert array.dtype == np.float32
    assert array.dtype.isnative
    assert array.tolist() == [1.5, 2.5]


@given(st.integers(6, 199), st.binary(min_size=1, max_size=8))
def test_damaged_files_are_read_or_refused(place, damage):
    content = io.BytesIO()
    np.save(content, np.zeros(9))
    damaged = bytearray(content.getvalue())
    damaged[place : place + len(damage)] = damage
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.npy"
        path.write_bytes(bytes(damaged))
        with suppress(NandoctorError):
            assert "d" in read_npy(path).arrays
