"""Reads .npz: arrays by key."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.npy import read_array
from nandoctor.stats import Array

_SUFFIX = ".npy"


def read_npz(path: Path) -> DataSet:
    """The arrays by their key; NandoctorError (exit code 3) if the file or one array in it cannot be read."""
    with path.open("rb") as file:
        try:
            arrays = _read_members(file, path)
        except NandoctorError:
            raise
        except Exception as error:  # on damage zipfile passes on whatever seek, struct and the decompressors raise
            raise NandoctorError(
                f"{path}: not a whole .npz file (truncated, or another format); save it again with numpy.savez",
                UNEXAMINABLE,
            ) from error
    if not arrays:
        raise NandoctorError(f"{path}: no arrays in it; save some with numpy.savez", UNEXAMINABLE)
    return DataSet(path, arrays)


def _read_members(file: IO[bytes], path: Path) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if name.endswith(_SUFFIX):
                key = name.removesuffix(_SUFFIX)
                with archive.open(name) as member:
                    arrays[key] = read_array(member, f"{path}, array {key!r}")
    return arrays
