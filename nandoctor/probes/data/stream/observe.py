"""Paths to facts: the one entry to the streaming engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Literal, cast

import numpy as np

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.facts.data import ArrayFacts, ColumnFacts, DataFacts, Dialect, RowSample, SplitFacts
from nandoctor.probes.data.names import LABEL_NAMES, conventional, same_name
from nandoctor.probes.data.sample import SAMPLE_ROWS
from nandoctor.probes.data.stream.files import DataFile, found_files
from nandoctor.probes.data.stream.look import look
from nandoctor.probes.data.stream.part import Fold, Part, Progress, Run, run_parts
from nandoctor.probes.data.stream.partial import Partial, PartialArray
from nandoctor.probes.data.stream.summary import column_of, file_of, plain, with_files
from nandoctor.stats import TensorStats, merged
from nandoctor.wording import listing

SAMPLED_CELLS = 2_000_000
TABLE = "table"
# Imported where a file of the format is read: all of them together take longer than a small file.
_READERS: Mapping[str, str] = {
    "csv": "text_table",
    "jsonl": "json_lines",
    "parquet": "parquet",
    "npz": "arrays",
    "tfrecord": "tfrecord",
}
Role = Literal["input", "label", "unused"]


@dataclass(frozen=True)
class _Plan:
    """What will be read: the parts, the columns of a table (empty for arrays), and what was seen on the way."""

    parts: Iterator[Part]
    columns: tuple[str, ...]
    dialect: Dialect | None
    notices: tuple[str, ...]
    texts: tuple[ArrayFacts, ...] = ()


def observe_data(
    paths: Sequence[str],
    *,
    target: str | None = None,
    exclude: Sequence[str] = (),
    splits: Mapping[str, str] | None = None,
    max_bytes: int | None = None,
    progress: Progress | None = None,
    run: Run = run_parts,
) -> DataFacts:
    """The facts of the data in files, folders, globs or URLs, read as one set; `-` is standard input (CSV).

    `target` names the label column or array (several separated by commas; without it, a conventional name such as y or
    label is one), `exclude` those that feed nothing. With `splits` (name to path), each observed apart, the first takes
    the place of `paths`. `max_bytes` bounds what a compressed file may inflate to. `progress` is called with the rows
    and bytes read so far. `run` says where the parts are folded.

    The numeric columns of a table are one input array named "table", each target and each excluded column an array of
    its own; an .npz file has one array a member. NandoctorError: exit code 3 where nothing can be examined, 2 for a
    column that does not exist.
    """
    named: list[tuple[str | None, list[str]]] = [(name, [path]) for name, path in (splits or {}).items()]
    sources = named or [(None, list(paths))]
    found: list[DataFacts] = []
    for _, own in sources:
        rows, size = sum(one.rows + one.rejected_rows for one in found), sum(map(_size, found))
        found.append(fold_files(own, target, exclude, max_bytes, progress and _added(progress, rows, size), run=run))
    others = tuple(
        SplitFacts(str(name), one.path, one.rows, one.arrays, one.rejected_rows, one.rejected, one.sample)
        for (name, _), one in zip(sources[1:], found[1:], strict=True)
    )
    return replace(found[0], split=sources[0][0], splits=others)


def _added(progress: Progress, rows: int, size: int) -> Progress:
    return lambda more_rows, more_bytes: progress(rows + more_rows, size + more_bytes)


def _size(facts: DataFacts) -> int:
    return sum(os.path.getsize(name) for name, _ in facts.files if os.path.exists(name))


def fold_files(
    paths: Sequence[str],
    target: str | None,
    exclude: Sequence[str],
    max_bytes: int | None,
    progress: Progress | None,
    *,
    chunk_bytes: int | None = None,
    run: Run = run_parts,
) -> DataFacts:
    """One data set without splits; `chunk_bytes` and `run` say how it is cut and where the parts are folded."""
    with found_files(paths) as files:
        starts: list[int] = []
        try:
            plan = _planned(files, max_bytes, chunk_bytes, starts)
            total = run(plan.parts, _fold_of(files[0].format), progress)
        except OSError as error:
            name = error.filename or files[0].shown
            raise NandoctorError(f"{name}: cannot be read ({error.strerror or error})", UNEXAMINABLE) from error
        shown = [file.shown for file in files]
        rows = total.rows or max((array.rows for array in total.arrays.values()), default=0)
        if not rows - total.rejected:
            raise NandoctorError(f"{', '.join(shown[:3])}: no rows; there is nothing to examine", UNEXAMINABLE)
        found, sample = _arrays(plan, total, target, exclude, shown[0])
        counts = tuple((name, end - start) for name, start, end in zip(shown, starts, [*starts[1:], rows], strict=True))
        rejected = total.rejected_rows
        if len(files) > 1:
            found = tuple(
                replace(one, columns=tuple(with_files(column, starts, shown) for column in one.columns))
                for one in found
            )
            rejected = tuple(replace(row, file=shown[file_of(row.row, starts)]) for row in rejected)
        path = shown[0] if len(files) == 1 else ", ".join(paths)
        return DataFacts(
            path=path,
            rows=rows - total.rejected,
            arrays=found,
            rejected_rows=total.rejected,
            rejected=rejected,
            dialect=plan.dialect,
            notices=plan.notices,
            sample=sample,
            files=counts,
        )


def _fold_of(kind: str) -> Fold:
    reader = import_module(f"nandoctor.probes.data.stream.{_READERS[kind]}")
    return cast(Fold, reader.fold)


def _planned(files: Sequence[DataFile], max_bytes: int | None, chunk_bytes: int | None, starts: list[int]) -> _Plan:
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
        return _Plan(parts, columns, None, ())
    return _planned_text(files, max_bytes, chunk_bytes, starts)


def _planned_text(
    files: Sequence[DataFile], max_bytes: int | None, chunk_bytes: int | None, starts: list[int]
) -> _Plan:
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
    return _Plan(_one_after_another(files, starts, parts), first.names, first.dialect, notices)


def _planned_parquet(files: Sequence[DataFile], starts: list[int]) -> _Plan:
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
    return _Plan(iter(found), tables[0].names, None, tuple(dict.fromkeys(notices)))


def _planned_records(files: Sequence[DataFile], max_bytes: int | None, starts: list[int]) -> _Plan:
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
    return _Plan(iter(parts), tfrecord.columns_of(known), None, notices, texts)


def _planned_arrays(files: Sequence[DataFile], max_bytes: int | None, starts: list[int]) -> _Plan:
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
    return _Plan(iter(found), (), None, tuple(notices), tuple(texts.values()))


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
    """How many rows a part of a text file has, known only by reading it."""
    return _fold_of(part.format)(replace(part, sample_rows=1)).rows


def _sample_rows(row_cells: int) -> int:
    return max(16, min(SAMPLE_ROWS, SAMPLED_CELLS // max(1, row_cells)))


def _same_columns(first: Sequence[str], other: Sequence[str], file: DataFile, another: DataFile) -> None:
    if tuple(first) != tuple(other):
        odd = [name for name in (*first, *other) if (name in first) != (name in other)]
        what = f"the columns {listing(odd)} are in one of them only" if odd else "their order differs"
        raise NandoctorError(
            f"{another.shown} has not the columns of {file.shown} ({what}); name files of one table", UNEXAMINABLE
        )


def _arrays(
    plan: _Plan, total: Partial, target: str | None, exclude: Sequence[str], path: str
) -> tuple[tuple[ArrayFacts, ...], RowSample | None]:
    names = plan.columns or (*total.arrays, *(array.name for array in plan.texts))
    usual = conventional(names, LABEL_NAMES)
    labels = _asked("--target", target, names, path) if target else {usual} - {None}
    unused = _asked("--exclude", exclude, names, path)
    roles: dict[str, Role] = {
        name: "label" if name in labels else "unused" if name in unused else "input" for name in names
    }
    if plan.columns:
        return _table(plan.columns, total.arrays[""], roles)
    found = [_array(name, partial, roles[name]) for name, partial in total.arrays.items()]
    return (*_by_role(found), *plan.texts), _sample_of_arrays(total.arrays)


def _table(
    names: Sequence[str], partial: PartialArray, roles: Mapping[str, Role]
) -> tuple[tuple[ArrayFacts, ...], RowSample | None]:
    sample = partial.sample
    assert sample is not None
    complete = len(sample.rows) == partial.rows
    columns = [
        column_of(name, column, sample.values[:, place], complete)
        for place, (name, column) in enumerate(zip(names, partial.columns, strict=True))
    ]
    inputs = tuple(column for column in columns if roles[column.name] == "input")
    owners = {column.name: TABLE if roles[column.name] == "input" else column.name for column in columns}
    found = [_of_columns(TABLE, "input", inputs, partial.rows)] if inputs else []
    for column in columns:
        if roles[column.name] != "input":
            found.append(_of_columns(column.name, roles[column.name], (column,), partial.rows))
    order = {int(row): at for at, row in enumerate(sample.rows)}
    texts = tuple((place, order[row], text) for (row, place), text in sorted(sample.texts.items()))
    return _by_role(found), RowSample(
        tuple(sample.rows.tolist()),
        tuple((owners[name], name) for name in names),
        tuple(plain(sample.values[:, place]) for place in range(len(names))),
        texts,
    )


def _of_columns(name: str, role: Role, columns: tuple[ColumnFacts, ...], rows: int) -> ArrayFacts:
    shape = (rows, len(columns)) if name == TABLE and role == "input" else (rows,)
    return ArrayFacts(name, role, None, "float64", shape, merged([column.stats for column in columns]), columns)


def _array(name: str, partial: PartialArray, role: Role) -> ArrayFacts:
    columns: tuple[ColumnFacts, ...] = ()
    if partial.columns and partial.sample is not None:
        width = len(partial.columns)
        table = partial.sample.values.reshape(-1, width)
        complete = len(partial.sample.rows) == partial.rows
        columns = tuple(
            column_of(str(place), column, table[:, place], complete) for place, column in enumerate(partial.columns)
        )
    stats = merged([column.stats for column in columns]) if columns else partial.rest or TensorStats()
    shape = (partial.rows, *partial.shape)
    return ArrayFacts(name, role, None, partial.dtype, shape, stats, columns, partial.row_sums)


def _sample_of_arrays(found: Mapping[str, PartialArray]) -> RowSample | None:
    """The sampled rows of the arrays that have one value a row and column; None where their rows differ."""
    flat = {name: one for name, one in found.items() if one.sample is not None and len(one.shape) < 2}
    if not flat or len({one.rows for one in flat.values()}) > 1:
        return None
    rows = next(one.sample.rows for one in flat.values() if one.sample is not None)
    columns: list[tuple[str, str]] = []
    values: list[tuple[float, ...]] = []
    for name, one in flat.items():
        assert one.sample is not None
        for place, column in enumerate(np.asarray(one.sample.values).T):
            columns.append((name, str(place)))
            values.append(plain(column))
    return RowSample(tuple(rows.tolist()), tuple(columns), tuple(values))


def _by_role(found: Sequence[ArrayFacts]) -> tuple[ArrayFacts, ...]:
    order = {"input": 0, "label": 1, "unused": 2}
    return tuple(sorted(found, key=lambda array: order[array.role]))


def _asked(option: str, asked: str | Sequence[str], names: Sequence[str], path: str) -> set[str]:
    """The names that an option means; NandoctorError (exit code 2) for one that is not there."""
    texts = [asked] if isinstance(asked, str) else list(asked)
    parts = [part for text in texts for part in ([text] if text in names else text.split(","))]
    found = set()
    for part in parts:
        name = same_name(part.strip(), names)
        if name is None:
            raise NandoctorError(f"{option} {part}: {path} has no such name; it has {listing(list(names), 20)}", USAGE)
        found.add(name)
    return found
