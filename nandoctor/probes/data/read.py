"""From a path to its arrays: the reader is chosen by the suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.csv import read_csv
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.npy import read_npy
from nandoctor.probes.data.npz import read_npz

READERS: Mapping[str, Callable[[Path], DataSet]] = {".csv": read_csv, ".npy": read_npy, ".npz": read_npz}


def read_data(path: Path) -> DataSet:
    """The data set in a file; NandoctorError (exit code 3) if there is none that can be read."""
    formats = ", ".join(READERS)
    if not path.exists():
        raise NandoctorError(f"{path}: there is no such file", UNEXAMINABLE)
    if path.is_dir():
        raise NandoctorError(f"{path}: a folder; name a data file ({formats})", UNEXAMINABLE)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        suffix = f"{path.suffix} files" if path.suffix else "files without a suffix"
        raise NandoctorError(f"{path}: cannot read {suffix}; the formats are {formats}", UNEXAMINABLE)
    try:
        if not path.stat().st_size:
            raise NandoctorError(f"{path}: the file is empty", UNEXAMINABLE)
        return reader(path)
    except OSError as error:
        raise NandoctorError(f"{path}: cannot be read ({error.strerror or error})", UNEXAMINABLE) from error
