"""Reads .npy: one array, named after the file."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.dataset import DataSet
from nandoctor.stats import Array


def read_npy(path: Path) -> DataSet:
    """The array under the file's name without suffix; NandoctorError (exit code 3) if there is none to read."""
    with path.open("rb") as file:
        return DataSet(path, {path.stem: read_array(file, str(path))})


def read_array(file: IO[bytes], where: str) -> Array:
    """One array in .npy form; NandoctorError (exit code 3) if it is damaged or of a dtype that feeds no model."""
    try:
        array = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # on damage numpy passes on whatever tokenizer, decompressor and allocator raise
        raise NandoctorError(f"{where}: {_unreadable(error)}", UNEXAMINABLE) from error
    return _plain(array, where)


def _plain(array: Array, where: str) -> Array:
    """The array in this machine's byte order; NandoctorError for what no model can be fed with."""
    if array.dtype.names:
        raise NandoctorError(
            f"{where}: a structured array (fields {', '.join(array.dtype.names)}); save each field as an array",
            UNEXAMINABLE,
        )
    if array.dtype.kind == "V":
        raise NandoctorError(
            f"{where}: bytes without a number format ({array.dtype}); save bfloat16 and the like as float32",
            UNEXAMINABLE,
        )
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _unreadable(error: Exception) -> str:
    if "allow_pickle" in str(error):
        return "an array of Python objects, which is never unpickled; save numbers or fixed-length texts"
    if isinstance(error, MemoryError):
        return "an array larger than the memory; save fewer rows"
    return "not a whole array (truncated, damaged, or another format); save it again with numpy"
