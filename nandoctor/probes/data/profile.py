"""What there is to know about a data set before a model sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from nandoctor.facts.data import ArrayFacts, Cell, ColumnFacts, DataFacts
from nandoctor.probes.data.column import ColumnValues, column_facts
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.fit import numeric, textual
from nandoctor.probes.data.matched import Binding, Matched
from nandoctor.probes.data.ragged import Ragged, take
from nandoctor.probes.data.sample import SAMPLE_ROWS, sampled_rows
from nandoctor.probes.data.written import WrittenCell
from nandoctor.stats import Array, TensorStats, merged

MOST_COLUMNS = 10_000
# Values copied at a time, to make columns contiguous.
_COPIED_VALUES = 1 << 22
# Values of one column that quantiles are taken from, where a row holds many values of it (pixels).
_SAMPLED_VALUES = 1 << 20

Role = Literal["input", "label", "unused"]


def data_facts(
    data: DataSet, matched: Matched, batch_size: int | None = None, examined_rows: Sequence[range] = ()
) -> DataFacts:
    """The facts of every array of the file: inputs, then labels, then those that feed nothing.

    `examined_rows` are the batches that went through the model, empty if none did.
    """
    arrays = [_bound(data, binding, "input") for binding in matched.input_bindings]
    arrays += [_bound(data, binding, "label") for binding in matched.label_bindings]
    for name in matched.unused:
        columns = (name,) if data.written is not None else ()
        arrays.append(_array_facts(data, name, data.arrays[name], "unused", None, columns=columns))
    ranges = tuple((rows.start, rows.stop) for rows in examined_rows)
    return DataFacts(str(data.path), matched.rows, _with_texts(data, arrays), batch_size, ranges)


def _bound(data: DataSet, binding: Binding, role: Role) -> ArrayFacts:
    return _array_facts(data, binding.name, binding.raw, role, binding.bound_to, columns=binding.columns)


def _array_facts(
    data: DataSet, name: str, raw: Array | Ragged, role: Role, bound_to: str | None, *, columns: Sequence[str]
) -> ArrayFacts:
    values = raw.values if isinstance(raw, Ragged) else raw
    if not numeric(values):
        dtype = "string" if textual(values) else values.dtype.name
        return ArrayFacts(name, role, bound_to, dtype, _shape(raw), None)
    facts = tuple(map(column_facts, _columns(data, raw, columns)))
    stats = merged([column.stats for column in facts]) if facts else TensorStats.of(values)
    sums = None if isinstance(raw, Ragged) or stats.missing or stats.nonfinite else _row_sums(raw)
    return ArrayFacts(name, role, bound_to, values.dtype.name, _shape(raw), stats, facts, sums)


def _shape(raw: Array | Ragged) -> tuple[int, ...]:
    """The shape; of ragged rows, that of the dense array that would hold them."""
    if isinstance(raw, Ragged):
        longest = int(np.diff(raw.row_splits).max(initial=0))
        return (raw.rows, longest, *raw.values.shape[1:])
    return tuple(raw.shape)


def _columns(data: DataSet, raw: Array | Ragged, names: Sequence[str]) -> Iterator[ColumnValues]:
    """The columns, or channels, with as many values a row as the other axes have."""
    values = raw.values if isinstance(raw, Ragged) else raw
    width = values.shape[-1] if values.ndim > 1 else 1
    if not values.ndim or not values.size or width > MOST_COLUMNS:
        return
    table = values.reshape(-1, width)
    sample = _sample(raw, width)
    step = max(1, _COPIED_VALUES // len(table))
    for first in range(0, width, step):
        block = np.ascontiguousarray(table[:, first : first + step].T)
        sampled = np.ascontiguousarray(sample[:, first : first + step].T)
        for place, (column, some) in enumerate(zip(block, sampled, strict=True), start=first):
            name = names[place] if names else str(place)
            yield ColumnValues(name, column, some, _row_of(raw, width), data.missing.get(name) if names else None)


def _row_of(raw: Array | Ragged, width: int) -> Callable[[int], int]:
    """From a place in a column to its row."""
    if isinstance(raw, Ragged):
        inner = math.prod(raw.values.shape[1:]) // width
        return lambda place: raw.row_of(place // inner)
    per_row = raw.size // (len(raw) * width)
    return lambda place: place // per_row


def _sample(raw: Array | Ragged, width: int) -> Array:
    """The values of the sampled rows, one column of the result for each of the array's."""
    rows = raw.rows if isinstance(raw, Ragged) else len(raw)
    size = raw.values.size if isinstance(raw, Ragged) else raw.size
    per_row = max(1, size // max(1, rows * width))
    chosen = sampled_rows(rows, max(1, min(SAMPLE_ROWS, _SAMPLED_VALUES // per_row)))
    if len(chosen) == rows:
        values = raw.values if isinstance(raw, Ragged) else raw
        return values.reshape(-1, width)
    part = take(raw, chosen.tolist())
    return (part.values if isinstance(part, Ragged) else part).reshape(-1, width)


def _row_sums(raw: Array) -> tuple[float, float] | None:
    if raw.ndim != 2 or not raw.size:
        return None
    with np.errstate(over="ignore"):
        sums = raw.sum(axis=1, dtype=np.float64)
    lowest, highest = float(sums.min()), float(sums.max())
    return (lowest, highest) if math.isfinite(lowest) and math.isfinite(highest) else None


def _with_texts(data: DataSet, arrays: Sequence[ArrayFacts]) -> tuple[ArrayFacts, ...]:
    """The same facts with text and line in every cell, where the file is one of text."""
    if data.written is None:
        return tuple(arrays)
    columns = [column for array in arrays for column in array.columns]
    written = data.written.cells({(column.name, cell.row) for column in columns for cell in _all_cells(column)})

    def with_text(column: ColumnFacts) -> ColumnFacts:
        def completed(cells: Sequence[Cell]) -> tuple[Cell, ...]:
            return tuple(_completed(cell, written.get((column.name, cell.row))) for cell in cells)

        return replace(
            column, lowest=completed(column.lowest), highest=completed(column.highest), bad=completed(column.bad)
        )

    return tuple(replace(array, columns=tuple(map(with_text, array.columns))) for array in arrays)


def _all_cells(column: ColumnFacts) -> tuple[Cell, ...]:
    return (*column.lowest, *column.highest, *column.bad)


def _completed(cell: Cell, written: WrittenCell | None) -> Cell:
    return cell if written is None else replace(cell, text=written.text, line=written.line)
