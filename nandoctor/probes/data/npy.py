"""Reads .npy: one array, named after the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.dataset import DataSet
from nandoctor.stats import Array


def read_npy(path: Path) -> DataSet:
    """The array under the file's name without suffix; NandoctorError (exit code 3) if there is none to read."""
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, SyntaxError) as error:
        raise NandoctorError(f"{path}: {unreadable(error)}", UNEXAMINABLE) from error
    return DataSet(path, {path.stem: plain(array, str(path))})


def plain(array: Array, where: str) -> Array:
    """The array itself; NandoctorError (exit code 3) for the dtypes that no model can be fed with."""
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
    return array


def unreadable(error: Exception) -> str:
    """Why numpy could not read an array, in words that say what to do."""
    if "allow_pickle" in str(error):
        return "an array of Python objects, which is never unpickled; save numbers or fixed-length texts"
    return "not a whole .npy array (truncated, or another format); save it again with numpy.save"
