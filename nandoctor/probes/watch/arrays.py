"""Arrays in a .npz file, without pickle: numbers of every dtype that TensorFlow has, and strings."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import ml_dtypes
import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.stats import Array

STRINGS = "string"
_LENGTHS = ".lengths"
_NATIVE = "biufc"


def dtype_name(array: Array) -> str:
    """The dtype as it is written beside an array: numpy's name, `bfloat16` and the like, or `string`."""
    return STRINGS if array.dtype.kind in "OSU" else array.dtype.name


def bytes_of(array: Array) -> int:
    """How many bytes the values take in the file."""
    if array.dtype.kind in "OSU":
        return sum(len(text) for text in _texts(array)) + 8 * array.size
    return array.nbytes


def write_arrays(file: BinaryIO, arrays: Mapping[str, Array]) -> None:
    """Write the arrays by key, uncompressed; `numpy.load` reads numbers of its own dtypes back as they are.

    Of strings the bytes and their lengths are written, of bfloat16 and its like the bits as unsigned whole numbers.
    """
    parts: dict[str, Array] = {}
    for key, array in arrays.items():
        if array.dtype.kind in "OSU":
            texts = _texts(array)
            parts[key] = np.frombuffer(b"".join(texts), np.uint8)
            parts[key + _LENGTHS] = np.array([len(text) for text in texts], np.int64).reshape(array.shape)
        else:
            parts[key] = array if array.dtype.kind in _NATIVE else array.view(f"u{array.dtype.itemsize}")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for key, array in parts.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read_arrays(path: Path, dtypes: Mapping[str, str]) -> dict[str, Array]:
    """The arrays by key, each of the dtype that `dtypes` names.

    The file is not trusted: nothing is unpickled or unpacked, and no array is made that is larger than its part of the
    file. NandoctorError (exit code 3) where it is damaged.
    """
    found: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for key, dtype in dtypes.items():
                values = _member(archive, key)
                if dtype == STRINGS:
                    found[key] = _joined(values, _member(archive, key + _LENGTHS))
                else:
                    found[key] = values if values.dtype.name == dtype else values.view(_wide_dtype(dtype))
    except Exception as error:  # on damage zipfile passes on whatever seek, struct and the tokenizer raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        raise NandoctorError(f"{path}: damaged, the arrays in it cannot be read ({reason})", UNEXAMINABLE) from error
    return found


def _member(archive: zipfile.ZipFile, key: str) -> Array:
    info = archive.getinfo(f"{key}.npy")
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{key} is compressed")
    file = io.BytesIO(archive.read(info))
    major, _ = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    size = file.getbuffer().nbytes - file.tell()
    if dtype.kind not in _NATIVE or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"{key} is not as large as it says")
    file.seek(0)
    array: Array = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _joined(values: Array, lengths: Array) -> Array:
    """Strings of those lengths cut out of their bytes, as an object array of the lengths' shape."""
    if values.dtype != np.uint8 or lengths.dtype != np.int64 or (lengths < 0).any() or lengths.sum() != values.size:
        raise ValueError("the lengths are not those of the strings")
    text, ends = values.tobytes(), np.cumsum(lengths.ravel())
    cut = [text[end - length : end] for end, length in zip(ends, lengths.ravel(), strict=True)]
    joined = np.empty(len(cut), object)
    joined[:] = cut
    return joined.reshape(lengths.shape)


def _wide_dtype(name: str) -> np.dtype[np.generic]:
    """One of the dtypes that numpy does not have itself; ValueError for any other name."""
    if not name.startswith(("bfloat16", "float8", "float6", "float4", "int4", "uint4", "int2", "uint2")):
        raise ValueError(f"no dtype is called {name[:20]!r}")
    dtype: np.dtype[np.generic] = np.dtype(getattr(ml_dtypes, name))
    return dtype


def _texts(array: Array) -> list[bytes]:
    return [one.encode() if isinstance(one, str) else bytes(one) for one in array.ravel().tolist()]
