"""From files to the parts of which the data set is the sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import cast

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts.data import ArrayFacts, Dialect
from nandoctor.probes.data.sample import SAMPLE_ROWS
from nandoctor.probes.data.stream.files import DataFile
from nandoctor.probes.data.stream.look import look
from nandoctor.probes.data.stream.part import Fold, Part
from nandoctor.wording import listing

SAMPLED_CELLS = 2_000_000
# Imported where a file of the format is read: all of them together take longer than a small file.
_READERS: Mapping[str, str] = {
    "csv": "text_table",
    "jsonl": "json_lines",
    "parquet": "parquet",
    "npz": "arrays",
    "tfrecord": "tfrecord",
}


@dataclass(frozen=True)
class Plan:
    """What will be read: the parts, the columns of a table (empty for arrays), and what was seen on the way."""

    parts: Iterator[Part]
    columns: tuple[str, ...]
    dialect: Dialect | None
    notices: tuple[str, ...]
    texts: tuple[ArrayFacts, ...] = ()


def fold_of(kind: str) -> Fold:
    """What turns a part of this format into a partial fact."""
    reader = import_module(f"nandoctor.probes.data.stream.{_READERS[kind]}")
    return cast(Fold, reader.fold)


def planned(files: Sequence[DataFile], max_bytes: int | None, chunk_bytes: int | None, starts: list[int]) -> Plan:
    """What will be read of files of one format, as one data set.

    `chunk_bytes` says how text is cut (None: as is best), `starts` takes the first row of each file. NandoctorError
    (exit code 3) where there is nothing to read, or the files do not belong together.
    """
    kind = files[0].format
    if kind == "npz":
        return _planned_arrays(files, max_bytes, starts)
    if kind == "parquet":
        return _planned_parquet(files, starts)
    if kind == "tfrecord":
        return _planned_records(files, max_bytes, starts)
    if kind == "jsonl":
        from nandoctor.probes.data.stream import json_lines

        columns = tuple(dict.fromkeys(name for file in files for name in json_lines.columns_of(file.path, max_bytes)))
        most = _sample_rows(len(columns))
        parts = _one_after_another(
            files, starts, lambda file, row: json_lines.parts_of(file.path, columns, row, most, max_bytes)
        )
        return Plan(parts, columns, None, ())
    return _planned_text(files, max_bytes, chunk_bytes, starts)


def _planned_text(files: Sequence[DataFile], max_bytes: int | None, chunk_bytes: int | None, starts: list[int]) -> Plan:
    from nandoctor.probes.data.stream import text_table

    looks = {file.path: look(file.path, max_bytes) for file in files}
    first = looks[files[0].path]
    for file in files[1:]:
        _same_columns(first.names, looks[file.path].names, files[0], file)
    most = _sample_rows(len(first.names))

    def parts(file: DataFile, row: int) -> Iterator[Part]:
        seen = looks[file.path]
        size = chunk_bytes or text_table.part_bytes(seen)
        return text_table.parts_of(
            file.path, seen, first.names, first_row=row, sample_rows=most, chunk_bytes=size, most=max_bytes
        )

    notices = tuple(notice.replace(file.path, file.shown) for file in files for notice in looks[file.path].notices)
    return Plan(_one_after_another(files, starts, parts), first.names, first.dialect, notices)


def _planned_parquet(files: Sequence[DataFile], starts: list[int]) -> Plan:
    from nandoctor.probes.data.stream import parquet

    tables = [parquet.table_of(file.path) for file in files]
    for file, table in zip(files[1:], tables[1:], strict=True):
        _same_columns(tables[0].names, table.names, files[0], file)
    most = _sample_rows(len(tables[0].names))
    row = 0
    found: list[Part] = []
    pairs = list(zip(files, tables, strict=True))
    for file, table in pairs:
        starts.append(row)
        found.extend(parquet.parts_of(file.path, table, row, most))
        row += table.rows
    notices = tuple(notice.replace(file.path, file.shown) for file, table in pairs for notice in table.notices)
    return Plan(iter(found), tables[0].names, None, tuple(dict.fromkeys(notices)))


def _planned_records(files: Sequence[DataFile], max_bytes: int | None, starts: list[int]) -> Plan:
    from nandoctor.probes.data.stream import tfrecord

    surveys = [tfrecord.survey(file.path, max_bytes) for file in files]
    known = tfrecord.together(files[0].shown, surveys)
    starts.extend(np.cumsum([0, *(one.rows for one in surveys)])[:-1].tolist())
    most = _sample_rows(sum(feature.most for feature in known if feature.numeric))
    parts = [
        part
        for file, found, first in zip(files, surveys, starts, strict=True)
        for part in tfrecord.parts_of(file.path, found, known, first_row=first, sample_rows=most, most_bytes=max_bytes)
    ]
    rows = sum(one.rows for one in surveys)
    texts = tuple(
        ArrayFacts(feature.name, "unused", None, "bytes", (rows,), None)
        for feature in known
        if tfrecord.unread(feature)
    )
    notices = tuple(tfrecord.notices(files[0].shown, known))
    return Plan(iter(parts), tfrecord.columns_of(known), None, notices, texts)


def _planned_arrays(files: Sequence[DataFile], max_bytes: int | None, starts: list[int]) -> Plan:
    from nandoctor.probes.data.stream import arrays

    rows: dict[str, int] = {}
    found: list[Part] = []
    texts: dict[str, ArrayFacts] = {}
    notices: list[str] = []
    known = [arrays.members(file.path, max_bytes) for file in files]
    if len(files) > 1 and not files[0].path.lower().endswith(".npz"):
        # Each .npy file has a name of its own; together they are one array.
        known = [[replace(member, name=known[0][0].name) for member in members] for members in known]
    arrays.check_alike([file.shown for file in files], known)
    most = _sample_rows(sum(member.row_cells for member in known[0] if arrays.examined(member)))
    for file, members in zip(files, known, strict=True):
        starts.append(max(rows.values(), default=0))
        for member in members:
            if not arrays.examined(member):
                kind = "string" if member.dtype.kind in "US" else member.dtype.name
                notices.append(f"{file.shown}: array {member.name} {member.shape} of {kind} was not examined.")
                before = texts[member.name].shape[0] if member.name in texts else 0
                shape = (before + member.shape[0], *member.shape[1:]) if member.shape else ()
                texts[member.name] = ArrayFacts(member.name, "unused", None, kind, shape, None)
                continue
            before = rows.get(member.name, 0)
            found.extend(arrays.parts_of(file.path, member, before, most))
            rows[member.name] = before + member.shape[0]
    if not rows and texts:
        held = listing([f"{array.name} ({array.dtype})" for array in texts.values()])
        raise NandoctorError(f"{files[0].shown}: no array of numbers with rows in it, but {held}", UNEXAMINABLE)
    if len(set(rows.values())) > 1:
        each = listing([f"{name} {count:,}" for name, count in rows.items()])
        notices.append(f"{files[0].shown}: the arrays have different numbers of rows: {each}.")
    return Plan(iter(found), (), None, tuple(notices), tuple(texts.values()))


def _one_after_another(
    files: Sequence[DataFile], starts: list[int], parts_of: Callable[[DataFile, int], Iterator[Part]]
) -> Iterator[Part]:
    """The parts of all files; the rows of one are counted before the next begins, whose first row goes to `starts`."""
    row = 0
    for place, file in enumerate(files):
        starts.append(row)
        last: Part | None = None
        for last in parts_of(file, row):
            yield last
        if place < len(files) - 1 and last is not None:
            row = last.first_row + _rows_of(last)


def _rows_of(part: Part) -> int:
    """How many rows a part of a text file has."""
    if part.lines_are_rows is not None:
        return part.lines_are_rows
    return fold_of(part.format)(replace(part, sample_rows=1)).rows


def _sample_rows(row_cells: int) -> int:
    return max(16, min(SAMPLE_ROWS, SAMPLED_CELLS // max(1, row_cells)))


def _same_columns(first: Sequence[str], other: Sequence[str], file: DataFile, another: DataFile) -> None:
    if tuple(first) != tuple(other):
        odd = [name for name in (*first, *other) if (name in first) != (name in other)]
        what = f"the columns {listing(odd)} are in one of them only" if odd else "their order differs"
        raise NandoctorError(
            f"{another.shown} has not the columns of {file.shown} ({what}); name files of one table", UNEXAMINABLE
        )
