"""Reads .npz: arrays by key."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.npy import plain, unreadable
from nandoctor.stats import Array

_SUFFIX = ".npy"


def read_npz(path: Path) -> DataSet:
    """The arrays by their key; NandoctorError (exit code 3) if the file or one array in it cannot be read."""
    arrays: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith(_SUFFIX):
                    key = member.removesuffix(_SUFFIX)
                    arrays[key] = _read_member(archive, member, f"{path}, array {key!r}")
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise NandoctorError(
            f"{path}: not a whole .npz file (truncated, or another format); save it again with numpy.savez",
            UNEXAMINABLE,
        ) from error
    if not arrays:
        raise NandoctorError(f"{path}: no arrays in it; save some with numpy.savez", UNEXAMINABLE)
    return DataSet(path, arrays)


def _read_member(archive: zipfile.ZipFile, member: str, where: str) -> Array:
    with archive.open(member) as file:
        try:
            return plain(np.lib.format.read_array(file, allow_pickle=False), where)
        except (ValueError, SyntaxError) as error:
            raise NandoctorError(f"{where}: {unreadable(error)}", UNEXAMINABLE) from error
