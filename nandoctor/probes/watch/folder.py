"""A folder that is written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".unfinished"


@contextmanager
def whole_folder(wanted: Path) -> Iterator[tuple[Path, Path]]:
    """A new folder to write into, and the name that it gets when the block has ended: `wanted`, or with -2, -3 ...

    Until then it stands beside that name, with a dot before and `.unfinished` after it. Every file in it is flushed to
    the disk before it is renamed. Where the block or the disk fails it is taken away again. OSError where it cannot be
    made.
    """
    wanted.parent.mkdir(parents=True, exist_ok=True)
    folder, place = _reserved(wanted)
    try:
        yield folder, place
        for path in folder.iterdir():
            _flush(path)
        _flush(folder)
        folder.rename(place)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _flush(wanted.parent)


def _reserved(wanted: Path) -> tuple[Path, Path]:
    """A new folder under a name that nobody else writes under, and the free name it belongs to."""
    number = 1
    while True:
        place = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        folder = wanted.parent / f".{place.name}{UNFINISHED}"
        number += 1
        if place.exists() or folder.exists():
            continue
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        if not place.exists():
            return folder, place
        folder.rmdir()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
