"""What is known of some of the cells of one column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import TypeVar

import numpy as np

from nandoctor.facts.data import MOST_CELLS, Cell
from nandoctor.probes.data.column import DISTINCT_VALUES, integral_values, ordered_values, sortable
from nandoctor.probes.data.stream.ends import Counts, counted, ends_of_many, ends_of_ordered, run_starts
from nandoctor.stats import Array, TensorStats

Extreme = tuple[float, int, int | None]
_Key = TypeVar("_Key")


@dataclass(frozen=True)
class PartialColumn:
    """Some cells of a column; sums are taken in order of the rows (`PartialColumn()` is the zero).

    `stats` are over all cells but those that hold text. Of each kind of bad cell (`missing`, `nan`, `infinite`,
    `tokens`, `rounded_cells`) the first 16 are kept. `lowest` are the 16 lowest as (value, row, line), `highest` the
    highest as (negated value, row, line): both ascend. `distinct` counts every distinct finite value, None above 1,000;
    `low_values` and `high_values` count the 16 lowest and highest distinct values, ascending, however many there are.
    `token_counts` is None above 1,000 texts.
    """

    stats: TensorStats = field(default_factory=TensorStats)
    missing: tuple[Cell, ...] = ()
    nan: tuple[Cell, ...] = ()
    infinite: tuple[Cell, ...] = ()
    lowest: tuple[Extreme, ...] = ()
    highest: tuple[Extreme, ...] = ()
    distinct: Mapping[float, int] | None = field(default_factory=dict)
    low_values: Counts = ()
    high_values: Counts = ()
    integral: bool = True
    non_numeric: int = 0
    tokens: tuple[Cell, ...] = ()
    token_counts: Mapping[str, int] | None = field(default_factory=dict)
    rounded: int = 0
    rounded_cells: tuple[Cell, ...] = ()

    def __add__(self, other: PartialColumn) -> PartialColumn:
        """Both sets of cells, those of `other` coming later."""
        return PartialColumn(
            stats=self.stats + other.stats,
            missing=(*self.missing, *other.missing)[:MOST_CELLS],
            nan=(*self.nan, *other.nan)[:MOST_CELLS],
            infinite=(*self.infinite, *other.infinite)[:MOST_CELLS],
            lowest=_first(self.lowest, other.lowest),
            highest=_first(self.highest, other.highest),
            distinct=_both(self.distinct, other.distinct),
            low_values=tuple(_summed(self.low_values, other.low_values)[:MOST_CELLS]),
            high_values=tuple(_summed(self.high_values, other.high_values)[-MOST_CELLS:]),
            integral=self.integral and other.integral,
            non_numeric=self.non_numeric + other.non_numeric,
            tokens=(*self.tokens, *other.tokens)[:MOST_CELLS],
            token_counts=_both(self.token_counts, other.token_counts),
            rounded=self.rounded + other.rounded,
            rounded_cells=(*self.rounded_cells, *other.rounded_cells)[:MOST_CELLS],
        )


def of_values(values: Array, rows: Array, lines: Array | None = None) -> PartialColumn:
    """The column of numbers `values` (1-D, none missing) that are in these rows, and on these lines of the file.

    The bad cells are left to the caller, who knows how they were written.
    """
    stats = TensorStats.of(values)
    finite = values if values.dtype.itemsize > 2 else sortable(values)
    if stats.finite < stats.count:
        kept = np.flatnonzero(np.isfinite(finite))
        finite, rows, lines = finite[kept], rows[kept], None if lines is None else lines[kept]
    if not len(finite):
        return PartialColumn(stats)
    distinct: Mapping[float, int] | None = None
    ends = ends_of_many(finite) if finite.dtype.kind == "f" else None
    if ends is None:
        ordered = ordered_values(finite)
        starts = run_starts(ordered)
        distinct = dict(counted(ordered, starts)) if len(starts) <= DISTINCT_VALUES + 1 else None
        ends = ends_of_ordered(finite, ordered, starts)

    def extremes(places: Array, sign: float) -> tuple[Extreme, ...]:
        keys = (sign * finite[places].astype(np.float64)).tolist()
        at = repeat(None) if lines is None else lines[places].tolist()
        return tuple(zip(keys, rows[places].tolist(), at, strict=False))

    return PartialColumn(
        stats=stats,
        lowest=extremes(ends.lowest, 1.0),
        highest=extremes(ends.highest, -1.0),
        distinct=distinct,
        low_values=ends.low_values,
        high_values=ends.high_values,
        integral=integral_values(finite),
    )


def _first(a: tuple[Extreme, ...], b: tuple[Extreme, ...]) -> tuple[Extreme, ...]:
    if not a or not b:
        return a or b
    if len(a) == MOST_CELLS and b[0][:2] >= a[-1][:2]:
        return a
    return tuple(sorted((*a, *b))[:MOST_CELLS])


def _summed(a: Counts, b: Counts) -> list[tuple[float, int]]:
    counts = dict(a)
    for value, count in b:
        counts[value] = counts.get(value, 0) + count
    return sorted(counts.items())


def _both(a: Mapping[_Key, int] | None, b: Mapping[_Key, int] | None) -> Mapping[_Key, int] | None:
    if a is None or b is None:
        return None
    counts = dict(a)
    for key, count in b.items():
        counts[key] = counts.get(key, 0) + count
    return counts if len(counts) <= DISTINCT_VALUES else None
