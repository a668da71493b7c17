"""A change of a file as a diff that `patch -p0` applies, and as the text that runs in its trial."""

from __future__ import annotations

import ast
import os
import site
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nandoctor.probes.source.text import Edit, Source, UnwritableError, read_source, unified_diff


@dataclass(frozen=True)
class Patch:
    """A changed file: the diff names it as it is found from the folder of the patch, or else from its own."""

    file: Path
    after: str
    diff: str


def patch_of(file: Path, write: Callable[[Source], Sequence[Edit]], folder: Path = Path()) -> Patch:
    """The patch that makes the edits, to be applied in that folder.

    UnwritableError where they cannot be made, or the file is not the user's.
    """
    file = Path(os.path.realpath(file))
    if any(file.is_relative_to(one) for one in map(os.path.realpath, site.getsitepackages())):
        raise UnwritableError(f"{file.name} belongs to an installed package")
    source = read_source(file)
    after = source.changed(write(source))
    try:
        ast.parse(after)
    except SyntaxError as error:
        raise UnwritableError("the changed text would not be Python any more") from error
    if after == source.text:
        raise UnwritableError("the file says so already")
    return Patch(file, after, unified_diff(source.text, after, _from(folder, file)))


def _from(folder: Path, file: Path) -> str:
    # `patch` refuses absolute paths, and those that lead out of the folder that it is called in.
    here = Path(os.path.realpath(folder))
    return (file.relative_to(here) if file.is_relative_to(here) else Path(file.name)).as_posix()
