"""The Python files of folders to facts, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from nandoctor.errors import NandoctorError
from nandoctor.facts.source import FlaggedData, SourceFacts, SourceFile
from nandoctor.probes.source.abreast import read_all
from nandoctor.probes.source.read import is_python


def source_facts(paths: Sequence[Path], *, data: FlaggedData | None = None) -> SourceFacts:
    """What the files say, and those below the folders; NandoctorError where there is none, or one cannot be read.

    What they do with columns is only looked at where `data` are given whose columns are at fault.
    Of a folder, files that are no Python (any more) are left out and named.
    """
    files = [(given, file) for given in paths for file in python_files(given)]
    read: list[SourceFile] = []
    unreadable: list[tuple[str, str]] = []
    outcomes = read_all([file for _, file in files], with_fits=data is not None)
    for (given, file), outcome in zip(files, outcomes, strict=True):
        reason = outcome if isinstance(outcome, str) else is_python(file) if file == given else None
        if reason is not None and file == given:
            raise NandoctorError(f"{file}: {reason}")
        if isinstance(outcome, str):
            unreadable.append((str(file), outcome))
        else:
            read.append(outcome)
    if not read:
        raise NandoctorError(f"{', '.join(map(str, paths))}: there is no Python file that can be read")
    return SourceFacts(tuple(map(str, paths)), tuple(read), tuple(unreadable), data)


def python_files(path: Path) -> Iterator[Path]:
    """The file, or the Python files below the folder in order, but for hidden folders and virtual environments."""
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise NandoctorError(f"{path}: there is no such file or folder")
    for entry in sorted(path.iterdir()):
        if entry.is_dir():
            if not entry.name.startswith((".", "__pycache__")) and not (entry / "pyvenv.cfg").exists():
                yield from python_files(entry)
        elif entry.suffix == ".py":
            yield entry
