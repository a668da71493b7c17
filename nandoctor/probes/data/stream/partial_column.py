"""What is known of some of the cells of one column."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from nandoctor.facts.data import MOST_CELLS, Cell
from nandoctor.probes.data.column import (
    DISTINCT_VALUES,
    highest_places,
    integral_values,
    lowest_places,
    ordered_values,
    sortable,
)
from nandoctor.probes.data.stream.ordered import ends_of_ordered, extreme_places, is_plain, stats_of_ordered
from nandoctor.stats import Array, TensorStats

Counts = tuple[tuple[float, int], ...]
_Key = TypeVar("_Key")


@dataclass(frozen=True)
class PartialColumn:
    """Some cells of a column; sums are taken in order of the rows (`PartialColumn()` is the zero).

    `stats` are over all cells but those that hold text. Of each kind of bad cell (`missing`, `nan`, `infinite`,
    `tokens`, `rounded_cells`) the first 16 are kept. `lowest` and `highest` are (value, row, line), most extreme first.
    `distinct` counts every distinct finite value, None above 1,000; `low_values` and `high_values` count the 16 lowest
    and highest distinct values, ascending, however many there are. `token_counts` is None above 1,000 texts.
    """

    stats: TensorStats = field(default_factory=TensorStats)
    missing: tuple[Cell, ...] = ()
    nan: tuple[Cell, ...] = ()
    infinite: tuple[Cell, ...] = ()
    lowest: tuple[Cell, ...] = ()
    highest: tuple[Cell, ...] = ()
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
            lowest=_first(self.lowest, other.lowest, 1),
            highest=_first(self.highest, other.highest, -1),
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
    narrow = sortable(values)
    ordered = ordered_values(narrow)
    plain = is_plain(ordered)
    stats = stats_of_ordered(ordered) if plain else TensorStats.of(values)
    whole = stats.finite == stats.count
    if not whole:
        ordered = ordered_values(narrow[np.isfinite(narrow)])
    if not len(ordered):
        return PartialColumn(stats)

    def cells(places: Array) -> tuple[Cell, ...]:
        at = [None] * len(places) if lines is None else lines[places].tolist()
        found = zip(rows[places].tolist(), narrow[places].astype(np.float64).tolist(), at, strict=True)
        return tuple(Cell(row, value, None, line) for row, value, line in found)

    changes = ordered[1:] != ordered[:-1]
    if plain and np.count_nonzero(changes) >= DISTINCT_VALUES:
        low, high = ends_of_ordered(ordered, changes, MOST_CELLS)
        lowest, highest = extreme_places(narrow, ordered, MOST_CELLS)
        return PartialColumn(
            stats=stats,
            lowest=cells(lowest),
            highest=cells(highest),
            distinct=None,
            low_values=_counted(ordered, low),
            high_values=_counted(ordered, high),
            integral=integral_values(ordered),
        )
    starts = [0, *(np.flatnonzero(changes) + 1).tolist(), len(ordered)]
    return PartialColumn(
        stats=stats,
        lowest=cells(lowest_places(narrow, ordered, whole)),
        highest=cells(highest_places(narrow, ordered, whole)),
        distinct=dict(_counted(ordered, starts)) if len(starts) <= DISTINCT_VALUES + 1 else None,
        low_values=_counted(ordered, starts[: MOST_CELLS + 1]),
        high_values=_counted(ordered, starts[-MOST_CELLS - 1 :]),
        integral=integral_values(ordered),
    )


def _counted(ordered: Array, starts: list[int]) -> Counts:
    """The values that begin at all but the last of these places, and how many there are of each."""
    # Adding 0.0 makes -0.0 plain 0.
    values = (ordered[starts[:-1]].astype(np.float64) + 0.0).tolist()
    return tuple((value, end - start) for value, start, end in zip(values, starts[:-1], starts[1:], strict=True))


def _first(a: tuple[Cell, ...], b: tuple[Cell, ...], sign: int) -> tuple[Cell, ...]:
    if not a or not b:
        return a or b
    if len(a) == MOST_CELLS and sign * b[0].value >= sign * a[-1].value:
        return a
    merged = heapq.merge(a, b, key=lambda cell: (sign * cell.value, cell.row))
    return tuple(cell for cell, _ in zip(merged, range(MOST_CELLS), strict=False))


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
