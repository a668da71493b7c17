import io
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.npz import read_npz


def refused(path: Path) -> str:
    with pytest.raises(NandoctorError) as error:
        read_npz(path)
    assert error.value.exit_code == UNEXAMINABLE
    assert "\n" not in error.value.message
    return error.value.message


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back_by_key_in_order(tmp_path, save):
    save(tmp_path / "d.npz", x=np.arange(6.0).reshape(3, 2), y=np.array(["a", "b", "c"]))
    data = read_npz(tmp_path / "d.npz")
    assert list(data.arrays) == ["x", "y"]
    np.testing.assert_array_equal(data.arrays["x"], [[0, 1], [2, 3], [4, 5]])
    assert data.arrays["y"].tolist() == ["a", "b", "c"]


def test_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros(2), meta=np.array([{"a": 1}, None], dtype=object))
    assert "array 'meta': an array of Python objects, which is never unpickled" in refused(tmp_path / "d.npz")


def test_structured_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros(2, dtype=[("age", "f4"), ("height", "f4")]))
    assert "array 'x': a structured array (fields age, height)" in refused(tmp_path / "d.npz")


def test_no_arrays(tmp_path):
    np.savez(tmp_path / "d.npz")
    assert "no arrays in it" in refused(tmp_path / "d.npz")


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_truncated_file(tmp_path, kept):
    np.savez(tmp_path / "whole.npz", x=np.zeros((100, 10)), y=np.zeros(100))
    content = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "d.npz").write_bytes(content[: int(len(content) * kept)])
    assert "not a whole .npz file" in refused(tmp_path / "d.npz")


def test_a_damaged_member(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((100, 10)))
    content = bytearray((tmp_path / "d.npz").read_bytes())
    content[2000:2010] = b"x" * 10
    (tmp_path / "d.npz").write_bytes(bytes(content))
    assert "array 'x': not a whole array (truncated, damaged, or another format)" in refused(tmp_path / "d.npz")


def test_not_a_zip(tmp_path):
    (tmp_path / "d.npz").write_text("x,y\n1,2\n")
    assert "not a whole .npz file" in refused(tmp_path / "d.npz")


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8), st.booleans())
def test_damaged_files_are_read_or_refused(place, damage, compressed):
    content = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, x=np.arange(9))
    damaged = bytearray(content.getvalue())
    place = min(place, len(damaged) - len(damage))
    damaged[place : place + len(damage)] = damage
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.npz"
        path.write_bytes(bytes(damaged))
        with suppress(NandoctorError):
            assert len(read_npz(path).arrays) == 1
