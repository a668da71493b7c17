"""One batch of rows of a table, folded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nandoctor.facts.data import MOST_CELLS, Cell
from nandoctor.probes.data.column import DISTINCT_VALUES
from nandoctor.probes.data.csv import cell_value
from nandoctor.probes.data.stream.partial import PartialArray, PartialSample, smallest_hashes
from nandoctor.probes.data.stream.partial_column import PartialColumn, of_values
from nandoctor.stats import Array, TensorStats

EXACT = 2.0**53


@dataclass(frozen=True)
class Batch:
    """Rows of a table whose columns are numbers, with the means to see how a cell was written.

    `rows` are the row numbers, ascending; `values` one float64 array a column, `nulls` which of them could not be read
    as numbers (None: all could); `lines` the line of each row in the file, None for a binary format. `written(column,
    places)` are the texts of some cells (None where nothing is there); `byte_of(place)` the byte at which a row begins.
    """

    rows: Array
    values: Sequence[Array]
    nulls: Sequence[Array | None]
    lines: Array | None
    written: Callable[[int, Array], Sequence[str | None]]
    byte_of: Callable[[int], int | None]
    decimal: str = "."


def fold_table(batch: Batch, sample_rows: int, dtype: str = "float64") -> PartialArray:
    """The table's rows as a partial array: exact counts and places of every unusual cell."""
    columns: list[PartialColumn] = []
    finals: list[Array] = []
    texts: dict[tuple[int, int], str] = {}
    sampled = smallest_hashes(batch.rows, sample_rows)
    for place, (values, nulls) in enumerate(zip(batch.values, batch.nulls, strict=True)):
        if nulls is None and np.isfinite(values).all():
            column, final = of_values(values, batch.rows, batch.lines), values
        else:
            column, final = _unusual(batch, place, sampled, texts)
        if column.stats.max_abs >= EXACT:
            column = _with_rounded(batch, place, final, column)
        columns.append(column)
        finals.append(final)
    values = np.stack([column[sampled] for column in finals], axis=1) if finals else np.zeros((len(sampled), 0))
    sample = PartialSample(sample_rows, batch.rows[sampled], values, texts)
    return PartialArray(dtype, (len(columns),), len(batch.rows), tuple(columns), None, sample)


def _unusual(
    batch: Batch, place: int, sampled: Array, texts: dict[tuple[int, int], str]
) -> tuple[PartialColumn, Array]:
    """A column with cells that are no finite numbers, and its values with NaN in place of those that are none."""
    values, nulls = batch.values[place], batch.nulls[place]
    final = values.copy()
    if nulls is not None:
        final[nulls] = np.nan
    odd = np.flatnonzero(~np.isfinite(final))
    found: dict[str, list[Cell]] = {"missing": [], "nan": [], "infinite": [], "tokens": []}
    left_out: list[int] = []
    missing = 0
    counts: Counter[str] = Counter()
    is_sampled = set(sampled.tolist()) if nulls is not None else set()
    written = batch.written(place, odd)
    for at, text in zip(odd.tolist(), written, strict=True):
        is_null = nulls is not None and bool(nulls[at])
        value: float | None = float(final[at])
        if is_null:
            value = None if text is None else _number(text, batch.decimal)
            if text is None or not text.strip():
                kind = "missing"
                missing += 1
                left_out.append(at)
            elif value is None:
                kind = "tokens"
                counts[text.strip()] += 1
                left_out.append(at)
                if at in is_sampled:
                    texts[int(batch.rows[at]), place] = text.strip()
            else:
                final[at] = value
                kind = ""
        if not is_null or value is not None:
            kind = _kind(final[at]) if not (is_null and kind == "missing") else kind
        if kind and len(found[kind]) < MOST_CELLS:
            found[kind].append(_cell(batch, at, math.nan if kind in ("missing", "tokens") else float(final[at]), text))
    numeric = np.delete(final, left_out) if left_out else final
    rows = np.delete(batch.rows, left_out) if left_out else batch.rows
    lines = np.delete(batch.lines, left_out) if left_out and batch.lines is not None else batch.lines
    column = of_values(numeric, rows, lines)
    return (
        replace(
            column,
            stats=column.stats + TensorStats(count=missing, missing=missing),
            missing=tuple(found["missing"]),
            nan=tuple(found["nan"]),
            infinite=tuple(found["infinite"]),
            tokens=tuple(found["tokens"]),
            non_numeric=sum(counts.values()),
            token_counts=dict(counts) if len(counts) <= DISTINCT_VALUES else None,
        ),
        final,
    )


def _with_rounded(batch: Batch, place: int, values: Array, column: PartialColumn) -> PartialColumn:
    """The column with its whole numbers that float64 cannot hold."""
    with np.errstate(invalid="ignore"):
        large = np.flatnonzero((np.abs(values) >= EXACT) & np.isfinite(values))
    cells: list[Cell] = []
    rounded = 0
    for at, text in zip(large.tolist(), batch.written(place, large), strict=True):
        digits = (text or "").strip()
        if digits.lstrip("+-").isdecimal() and len(digits) < 400 and int(digits) != int(values[at]):
            rounded += 1
            if len(cells) < MOST_CELLS:
                cells.append(_cell(batch, at, float(values[at]), text))
    return replace(column, rounded=rounded, rounded_cells=tuple(cells))


def _cell(batch: Batch, at: int, value: float, text: str | None) -> Cell:
    line = None if batch.lines is None else int(batch.lines[at])
    return Cell(int(batch.rows[at]), value, text, line, batch.byte_of(at))


def _number(text: str, decimal: str) -> float | None:
    return cell_value(text if decimal == "." else text.replace(",", "."))


def _kind(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return "infinite" if math.isinf(value) else ""
