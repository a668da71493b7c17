"""What the source says of lines that a program was seen to run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nandoctor.facts.source import SourceFacts, SourceFile
from nandoctor.probes.source.read import source_file


def source_at(lines: Iterable[tuple[str, int]]) -> SourceFacts | None:
    """What stands in these lines (file, line) that the text does not keep finite; None where there is nothing.

    Files that are not there (any more), or are no Python, say nothing.
    """
    by_file: dict[str, set[int]] = {}
    for file, line in lines:
        by_file.setdefault(file, set()).add(line)
    read = [_at(file, numbers) for file, numbers in sorted(by_file.items())]
    telling = tuple(one for one in read if one is not None and one.operations)
    return SourceFacts(tuple(one.path for one in telling), telling) if telling else None


def _at(file: str, lines: set[int]) -> SourceFile | None:
    if not Path(file).is_file():
        return None
    try:
        whole = source_file(Path(file))
    except (SyntaxError, ValueError, OSError, RecursionError):
        return None
    there = [one for one in whole.operations if lines.intersection(one.place.lines)]
    ignored = {line: codes for line, codes in whole.ignored.items() if line in lines}
    return SourceFile(whole.path, tuple(there), ignored=ignored)
