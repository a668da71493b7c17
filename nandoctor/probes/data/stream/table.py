"""One batch of rows of a table, folded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nandoctor.facts.data import MOST_CELLS, Cell
from nandoctor.probes.data.column import DISTINCT_VALUES
from nandoctor.probes.data.csv import cell_value
from nandoctor.probes.data.stream.partial import PartialArray, PartialSample, smallest_hashes
from nandoctor.probes.data.stream.partial_column import PartialColumn, of_values
from nandoctor.stats import Array, TensorStats

EXACT = 2.0**53
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Batch:
    """Rows of a table whose columns are numbers, with the means to see how a cell was written.

    `rows` are the row numbers, ascending; `values` one float64 array a column, `nulls` which of them could not be read
    as numbers (None: all could); `lines` the line of each row in the file, None for a binary format. `written(column,
    places)` are the texts of some cells (None where nothing is there); `byte_of(place)` the byte at which a row begins.
    The nulls of the columns in `untyped` (None: of all) may hold a text, those of the others are missing.
    """

    rows: Array
    values: Sequence[Array]
    nulls: Sequence[Array | None]
    lines: Array | None
    written: Callable[[int, Array], Sequence[str | None]]
    byte_of: Callable[[int], int | None]
    decimal: str = "."
    untyped: Container[int] | None = None


def fold_table(batch: Batch, sample_rows: int, dtype: str = "float64") -> PartialArray:
    """The table's rows as a partial array: exact counts and places of every unusual cell."""
    columns: list[PartialColumn] = []
    sampled = smallest_hashes(batch.rows, sample_rows)
    # Column by column in memory, too: to write a column across the rows takes ten times as long.
    sample = np.empty((len(batch.values), len(sampled)))
    texts: dict[tuple[int, int], str] = {}
    for place, (values, nulls) in enumerate(zip(batch.values, batch.nulls, strict=True)):
        column, final = of_values(values, batch.rows, batch.lines) if nulls is None else None, values
        if column is None or column.stats.nonfinite:
            column, final = _unusual(batch, place, sampled, texts)
        if column.stats.max_abs >= EXACT:
            column = _with_rounded(batch, place, final, column)
        columns.append(column)
        sample[place] = final[sampled]
    partial = PartialSample(sample_rows, batch.rows[sampled], sample.T, texts)
    return PartialArray(dtype, (len(columns),), len(batch.rows), tuple(columns), None, partial)


def _unusual(
    batch: Batch, place: int, sampled: Array, texts: dict[tuple[int, int], str]
) -> tuple[PartialColumn, Array]:
    """A column with cells that are no finite numbers, and its values with NaN in place of those that are none."""
    final, absent = batch.values[place].copy(), np.zeros(len(batch.rows), bool)
    missing = tokens = _NONE
    counts: Counter[str] = Counter()
    if (nulls := batch.nulls[place]) is not None:
        missing = np.flatnonzero(nulls)
        if batch.untyped is None or place in batch.untyped:
            final[missing], missing, tokens, words = _read(batch, place, missing)
            counts.update(words)
            here = np.flatnonzero(np.isin(tokens, sampled))
            texts.update(((int(batch.rows[tokens[at]]), place), words[at]) for at in here.tolist())
        absent[missing] = absent[tokens] = True
        final[absent] = np.nan
    column = of_values(final, batch.rows, batch.lines) if not absent.any() else _of_some(batch, final, ~absent)
    return (
        replace(
            column,
            stats=column.stats + TensorStats(count=len(missing), missing=len(missing)),
            missing=_cells(batch, place, final, missing),
            nan=_cells(batch, place, final, np.flatnonzero(np.isnan(final) & ~absent)),
            infinite=_cells(batch, place, final, np.flatnonzero(np.isinf(final))),
            tokens=_cells(batch, place, final, tokens),
            non_numeric=len(tokens),
            token_counts=dict(counts) if len(counts) <= DISTINCT_VALUES else None,
        ),
        final,
    )


def _of_some(batch: Batch, final: Array, kept: Array) -> PartialColumn:
    return of_values(final[kept], batch.rows[kept], None if batch.lines is None else batch.lines[kept])


def _read(batch: Batch, place: int, at: Array) -> tuple[Array, Array, Array, list[str]]:
    """The numbers in the texts at these places (NaN where there is none), those of them with nothing there, those
    whose text is no number, and these texts.
    """
    written = ["" if text is None else text.strip() for text in batch.written(place, at)]
    meant = {text: _number(text, batch.decimal) for text in set(written)}
    numbers = [meant[text] for text in written]
    words = [text for text, number in zip(written, numbers, strict=True) if number is None]
    return (
        np.array([math.nan if number is None else number for number in numbers]),
        at[np.array([not text for text in written], bool)],
        at[np.array([number is None for number in numbers], bool)],
        words,
    )


def _with_rounded(batch: Batch, place: int, values: Array, column: PartialColumn) -> PartialColumn:
    """The column with its whole numbers that float64 cannot hold."""
    with np.errstate(invalid="ignore"):
        large = np.flatnonzero((np.abs(values) >= EXACT) & np.isfinite(values))
    rounded = [
        at
        for at, text in zip(large.tolist(), batch.written(place, large), strict=True)
        if text is not None and _is_rounded(text.strip(), float(values[at]))
    ]
    cells = _cells(batch, place, values, np.array(rounded, np.int64))
    return replace(column, rounded=len(rounded), rounded_cells=cells)


def _is_rounded(digits: str, value: float) -> bool:
    return digits.lstrip("+-").isdecimal() and len(digits) < 400 and int(digits) != int(value)


def _cells(batch: Batch, place: int, values: Array, at: Array) -> tuple[Cell, ...]:
    """The first cells of those at these places."""
    first = at[:MOST_CELLS]
    if not len(first):
        return ()
    lines = [None] * len(first) if batch.lines is None else batch.lines[first].tolist()
    written = batch.written(place, first)
    return tuple(
        Cell(int(batch.rows[at]), float(values[at]), text, line, batch.byte_of(at))
        for at, text, line in zip(first.tolist(), written, lines, strict=True)
    )


def _number(text: str, decimal: str) -> float | None:
    return cell_value(text if decimal == "." else text.replace(",", "."))
