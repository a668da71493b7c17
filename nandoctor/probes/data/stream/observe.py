"""Paths to facts: the one entry to the streaming engine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.facts.data import ArrayFacts, ColumnFacts, DataFacts, RowSample, SplitFacts
from nandoctor.probes.data.names import LABEL_NAMES, conventional, same_name
from nandoctor.probes.data.stream.files import found_files
from nandoctor.probes.data.stream.part import Progress, Run, run_parts
from nandoctor.probes.data.stream.partial import Partial, PartialArray
from nandoctor.probes.data.stream.plan import Plan, fold_of, planned
from nandoctor.probes.data.stream.summary import column_of, file_of, plain, with_files
from nandoctor.stats import TensorStats, merged
from nandoctor.wording import listing

TABLE = "table"
Role = Literal["input", "label", "unused"]


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
            plan = planned(files, max_bytes, chunk_bytes, starts)
            total = run(plan.parts, fold_of(files[0].format), progress)
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


def _arrays(
    plan: Plan, total: Partial, target: str | None, exclude: Sequence[str], path: str
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
