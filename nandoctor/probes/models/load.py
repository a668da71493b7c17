"""From a path to a Subject: what is there is looked at, not only what it is called."""

from __future__ import annotations

import zipfile
from pathlib import Path

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.probes.models.quiet import quiet
from nandoctor.probes.models.subject import Subject

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
ZIP_MAGIC = b"PK"
SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt", "saved_model.cpb")
KINDS = "a SavedModel folder, a .keras file or a whole-model .h5 file"


def load_subject(path: Path, *, signature: str | None = None, unsafe: bool = False) -> Subject:
    """The model saved at `path`, ready to be traced; nothing on disk is changed.

    `signature` chooses among those of a SavedModel. `unsafe` allows code from the file or from the modules that
    it names to run (Lambda layers, custom classes). Raises NandoctorError: exit code 2 for a missing path or an
    unknown signature, 3 for what cannot be read.
    """
    kind = _kind(path)
    with quiet():
        if kind == "saved_model":
            from nandoctor.probes.models.saved_model import load_saved_model

            return load_saved_model(path, signature)
        if signature is not None:
            raise NandoctorError(f"{path} has no signatures: --signature is for SavedModel folders", USAGE)
        if kind == "keras":
            from nandoctor.probes.models.keras_file import load_keras_file

            return load_keras_file(path, unsafe=unsafe)
        from nandoctor.probes.models.hdf5 import load_hdf5

        return load_hdf5(path, unsafe=unsafe)


def _kind(path: Path) -> str:
    """`saved_model`, `keras` or `hdf5`, judged by the content."""
    if not path.exists():
        raise NandoctorError(f"{path} does not exist", USAGE)
    if path.is_dir():
        return _kind_of_folder(path)
    try:
        with path.open("rb") as file:
            head = file.read(len(HDF5_MAGIC))
    except OSError as error:
        raise NandoctorError(f"{path} cannot be read: {error.strerror}", UNEXAMINABLE) from error
    if not head:
        raise NandoctorError(f"{path} is an empty file", UNEXAMINABLE)
    if head == HDF5_MAGIC:
        return "hdf5"
    if head.startswith(ZIP_MAGIC):
        return _kind_of_zip(path)
    return _unknown_file(path)


def _kind_of_folder(path: Path) -> str:
    if any((path / name).is_file() for name in SAVED_MODEL_FILES):
        return "saved_model"
    if not any(path.iterdir()):
        raise NandoctorError(f"{path} is an empty folder; give {KINDS}", UNEXAMINABLE)
    inside = sorted(child.name for child in path.iterdir() if (child / SAVED_MODEL_FILES[0]).is_file())
    hint = f"; {inside[0]} inside it is one" if inside else ""
    raise NandoctorError(f"{path} is not a SavedModel: it has no {SAVED_MODEL_FILES[0]}{hint}", UNEXAMINABLE)


def _kind_of_zip(path: Path) -> str:
    if not zipfile.is_zipfile(path):
        raise NandoctorError(f"{path} is a truncated or damaged zip archive; save the model again", UNEXAMINABLE)
    with zipfile.ZipFile(path) as archive:
        if "config.json" in archive.namelist():
            return "keras"
    raise NandoctorError(f"{path} is a zip archive without config.json, hence not a .keras model", UNEXAMINABLE)


def _unknown_file(path: Path) -> str:
    if path.name in SAVED_MODEL_FILES:
        raise NandoctorError(f"{path} is part of a SavedModel; give its folder {path.parent}", USAGE)
    if path.suffix == ".keras":
        raise NandoctorError(f"{path} is not a .keras model: it is not a zip archive", UNEXAMINABLE)
    if path.suffix in {".h5", ".hdf5"}:
        raise NandoctorError(f"{path} is not an HDF5 file: its first bytes are others; is it damaged?", UNEXAMINABLE)
    raise NandoctorError(f"{path} is not a saved model; give {KINDS}", UNEXAMINABLE)
