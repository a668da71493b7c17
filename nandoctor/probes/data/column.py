"""The facts of one column of values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nandoctor.facts.data import MOST_CELLS, QUANTILE_LEVELS, Cell, ColumnFacts
from nandoctor.stats import Array, TensorStats

REPEATED_VALUES = 8
DISTINCT_VALUES = 1000


@dataclass(frozen=True)
class ColumnValues:
    """A column: its values (1-D, numeric), those of the sampled rows, and the row of each place.

    `missing` are the places that were empty in the source (NaN in `values`), None where there are none.
    """

    name: str
    values: Array
    sample: Array
    row_of: Callable[[int], int]
    missing: Array | None = None


def column_facts(column: ColumnValues) -> ColumnFacts:
    """Everything that `ColumnFacts` documents, but for the texts of the cells."""
    values = sortable(column.values)
    present = values if column.missing is None else np.delete(values, column.missing)
    stats = TensorStats.of(present, missing=len(values) - len(present))
    whole = stats.finite == stats.count
    ordered = ordered_values(values if whole else values[np.isfinite(values)])
    distinct, repeated = _repeated(ordered)
    sample = ordered if len(column.sample) == len(values) else _finite_sorted(sortable(column.sample))
    bad = np.array([], np.int64) if whole else np.flatnonzero(~np.isfinite(values))[:MOST_CELLS]
    return ColumnFacts(
        name=column.name,
        stats=stats,
        quantiles=quantiles_of(sample),
        lowest=_cells(column, values, lowest_places(values, ordered, whole)),
        highest=_cells(column, values, highest_places(values, ordered, whole)),
        bad=_cells(column, values, bad),
        repeated=repeated,
        integral=integral_values(ordered),
        distinct=distinct,
    )


def sortable(values: Array) -> Array:
    """16-bit floats as float32, which numpy sorts many times faster; the values stay the same."""
    narrow = values.dtype.name in ("float16", "bfloat16")
    return values.astype(np.float32) if narrow else values


def ordered_values(values: Array) -> Array:
    """The values sorted, by the fastest of numpy's sorts for their dtype."""
    # numpy's stable sort of 8 and 16 bit integers is a radix sort, its default one is not.
    radix = values.dtype.kind in "iub" and values.dtype.itemsize <= 2
    return np.sort(values, kind="stable" if radix else None)


def _finite_sorted(values: Array) -> Array:
    finite = np.isfinite(values)
    return ordered_values(values if finite.all() else values[finite])


def quantiles_of(ordered: Array) -> tuple[float, ...]:
    """The values of the nearest rank at `QUANTILE_LEVELS`: values that occur, never a mean of two."""
    if not len(ordered):
        return ()
    last = len(ordered) - 1
    return tuple(float(ordered[round(level * last)]) for level in QUANTILE_LEVELS)


def _repeated(ordered: Array) -> tuple[int | None, tuple[tuple[float, int], ...]]:
    """How many distinct values there are (None above 1,000), and the most frequent of those that occur again."""
    if not len(ordered):
        return 0, ()
    starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
    counts = np.diff(starts, append=len(ordered))
    distinct = len(starts) if len(starts) <= DISTINCT_VALUES else None
    if len(starts) == len(ordered):
        return distinct, ()
    most = _smallest(-counts, np.sort(np.partition(-counts, min(REPEATED_VALUES, len(counts)) - 1)[:REPEATED_VALUES]))
    # Adding 0.0 makes -0.0 plain 0.
    repeated = tuple((float(ordered[starts[i]]) + 0.0, int(counts[i])) for i in most if counts[i] > 1)
    return distinct, repeated


def lowest_places(values: Array, ordered: Array, whole: bool) -> Array:
    """The places of the 16 lowest finite values, lowest first.

    `ordered` are all the finite values sorted; `whole` says that there are no others.
    """
    return _smallest(values, ordered[:MOST_CELLS], None if whole else np.isfinite(values))


def highest_places(values: Array, ordered: Array, whole: bool) -> Array:
    """The places of the 16 highest finite values, highest first; arguments as `lowest_places`."""
    top = ordered[-MOST_CELLS:]
    if not len(top):
        return np.array([], np.int64)
    beyond = np.flatnonzero((values > top[0]) & (True if whole else np.isfinite(values)))
    equal = np.flatnonzero(values == top[0])[: len(top) - len(beyond)]
    places = np.concatenate([beyond, equal])
    return places[np.lexsort((places, -values[places].astype(np.float64)))]


def _smallest(values: Array, smallest: Array, usable: Array | None = None) -> Array:
    """The places of the values in `smallest` (sorted, the least of `values`), least first, then in order of place."""
    if not len(smallest):
        return np.array([], np.int64)
    below = np.flatnonzero((values < smallest[-1]) & (True if usable is None else usable))
    equal = np.flatnonzero(values == smallest[-1])[: len(smallest) - len(below)]
    places = np.concatenate([below, equal])
    return places[np.lexsort((places, values[places]))]


def _cells(column: ColumnValues, values: Array, places: Array) -> tuple[Cell, ...]:
    return tuple(Cell(column.row_of(int(place)), float(values[place])) for place in places)


def integral_values(ordered: Array) -> bool:
    """Whether there are values and all of them are whole numbers."""
    if ordered.dtype.kind in "iub":
        return len(ordered) > 0
    head = ordered[:64]
    return len(ordered) > 0 and bool((np.trunc(head) == head).all()) and bool((np.trunc(ordered) == ordered).all())
