"""Where something was observed, in words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nandoctor.finding import Location
from nandoctor.wording import listing

_LISTED = 6
_WHEN = ("step", "epoch", "batch", "rows", "dataset_rows", "dataset_lines")


def place(location: Location, told: Location | None = None) -> list[str]:
    """What is known of the location, one line each: layer, op, pass, source, rows, columns; empty if nothing is.

    `told` is a location that the reader has just seen: what a source line says, the step and the rows are left out
    where they are the same there.
    """
    if told is not None:
        location = _without_repeating(location, told)
    return list(_lines(location))


def brief_place(location: Location) -> str:
    """The most telling part of the location in one line: layer, op, columns or source line, or nothing."""
    if location.layer or location.op:
        return location.layer or location.op or ""
    if location.columns:
        return f"column {listing(location.columns, 3)}"
    return f"{shown_file(location.file)}:{location.line}" if location.file and location.line is not None else ""


def _lines(location: Location) -> Iterator[str]:
    if location.layer:
        yield f"layer {location.layer}"
    if location.op and location.op_type:
        yield f"op {location.op} ({location.op_type})"
    elif location.op or location.op_type:
        yield f"op {location.op or location.op_type}"
    if location.phase:
        yield _phase(location)
    if location.file:
        line = f":{location.line}" if location.line is not None else ""
        function = f" in {location.function}" if location.function else ""
        yield f"{shown_file(location.file)}{line}{function}"
    if location.code:
        yield location.code.strip()
    when = [
        f"{name} {value}"
        for name, value in (("epoch", location.epoch), ("step", location.step), ("batch", location.batch))
        if value is not None
    ]
    if location.rows:
        when.append(f"{_noun('row', location.rows)} {_numbers(location.rows)}")
    if when:
        yield ", ".join(when)
    if location.dataset_rows:
        yield f"data {_noun('row', location.dataset_rows)} {_numbers(location.dataset_rows)}"
    if location.dataset_lines and location.dataset_lines != (f"{location.file}:{location.line}",):
        yield _lines_of_files(location.dataset_lines)
    if location.columns:
        yield f"{_noun('column', location.columns)} {listing(location.columns, 6)}"


def _without_repeating(location: Location, told: Location) -> Location:
    if (location.file, location.line) == (told.file, told.line):
        location = replace(location, code=None)
    same = all(getattr(location, name) == getattr(told, name) for name in _WHEN)
    return replace(location, **dict.fromkeys(_WHEN)) if same else location


def _lines_of_files(lines: tuple[str, ...]) -> str:
    """`houses.csv, lines 59, 312`, the file being named once where there is one."""
    parts = [line.rpartition(":") for line in lines]
    files = {file for file, _, _ in parts}
    if len(files) > 1:
        return listing([f"{shown_file(file)}:{line}" for file, _, line in parts], _LISTED)
    numbers = tuple(int(line) for _, _, line in parts)
    return f"{shown_file(files.pop())}, {_noun('line', numbers)} {_numbers(numbers)}"


def _numbers(rows: tuple[int, ...]) -> str:
    """`3, 17`, and `0 to 63` for many rows without a gap."""
    if len(rows) > _LISTED and rows == tuple(range(rows[0], rows[0] + len(rows))):
        return f"{rows[0]} to {rows[-1]}"
    return listing(rows, _LISTED)


def shown_file(file: str) -> str:
    """A file below the working folder as seen from there, any other as it is."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def checked_out_file(file: str) -> str:
    """A file as a code host knows it: seen from GITHUB_WORKSPACE, which a workflow sets, and else `shown_file`.

    A job may run in a folder below its checkout, and an annotation is put to the lines of no other path.
    """
    checkout = os.environ.get("GITHUB_WORKSPACE")
    path = Path(os.path.normpath(Path.cwd() / file))
    if not checkout or "://" in file or not path.is_relative_to(Path(checkout).resolve()):
        return shown_file(file)
    return str(path.relative_to(Path(checkout).resolve()))


def _phase(location: Location) -> str:
    names = {"data": "data", "update": "update of the weights"}
    name = names.get(location.phase or "", f"{location.phase} pass")
    return str(name) if location.loop_iteration is None else f"{name}, loop iteration {location.loop_iteration}"


def _noun(singular: str, items: tuple[object, ...]) -> str:
    return singular if len(items) == 1 else f"{singular}s"
