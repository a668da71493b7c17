"""Where something was observed, in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nandoctor.finding import Location
from nandoctor.wording import listing


def place(location: Location) -> list[str]:
    """What is known of the location, one line each: layer, op, pass, source, rows, columns; empty if nothing is."""
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
        when.append(f"{_noun('row', location.rows)} {listing(location.rows, 6)}")
    if when:
        yield ", ".join(when)
    if location.dataset_rows:
        yield f"data {_noun('row', location.dataset_rows)} {listing(location.dataset_rows, 6)}"
    if location.columns:
        yield f"{_noun('column', location.columns)} {listing(location.columns, 6)}"


def shown_file(file: str) -> str:
    """A file below the working folder as seen from there, any other as it is."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _phase(location: Location) -> str:
    names = {"data": "data", "update": "update of the weights"}
    name = names.get(location.phase or "", f"{location.phase} pass")
    return str(name) if location.loop_iteration is None else f"{name}, loop iteration {location.loop_iteration}"


def _noun(singular: str, items: tuple[object, ...]) -> str:
    return singular if len(items) == 1 else f"{singular}s"
