"""From partial facts to the facts that rules read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nandoctor.facts.data import MOST_CELLS, Cell, ColumnFacts
from nandoctor.probes.data.column import REPEATED_VALUES, quantiles_of
from nandoctor.probes.data.stream.partial_column import PartialColumn
from nandoctor.stats import Array

_EACH_KIND = 4


def column_of(name: str, partial: PartialColumn, sample: Array, complete: bool) -> ColumnFacts:
    """The facts of a column from those of all its cells and its sampled values; `complete` where these are all."""
    finite = np.sort(sample[np.isfinite(sample)].astype(np.float64)) + 0.0
    distinct, repeated = _repeated(partial, finite, complete)
    return ColumnFacts(
        name=name,
        stats=partial.stats,
        quantiles=_quantiles(partial, finite),
        lowest=tuple(Cell(row, value, None, line) for value, row, line in partial.lowest),
        highest=tuple(Cell(row, -value, None, line) for value, row, line in partial.highest),
        bad=_bad(partial),
        repeated=repeated,
        integral=partial.integral and partial.stats.finite > 0,
        distinct=distinct,
        non_numeric=partial.non_numeric,
        tokens=partial.tokens,
        token_counts=_most_frequent(partial.token_counts),
        rounded=partial.rounded,
        rounded_cells=partial.rounded_cells,
    )


def with_files(column: ColumnFacts, starts: Sequence[int], names: Sequence[str]) -> ColumnFacts:
    """The column with the file of each cell; `starts` are the first rows of the files."""

    def named(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
        return tuple(replace(cell, file=names[file_of(cell.row, starts)]) for cell in cells)

    return replace(
        column,
        lowest=named(column.lowest),
        highest=named(column.highest),
        bad=named(column.bad),
        tokens=named(column.tokens),
        rounded_cells=named(column.rounded_cells),
    )


def file_of(row: int, starts: Sequence[int]) -> int:
    """The place of the file that holds the row."""
    return int(np.searchsorted(np.asarray(starts), row, side="right")) - 1


def _quantiles(partial: PartialColumn, finite: Array) -> tuple[float, ...]:
    """Those of the sample, but for the ends, which are known."""
    found = quantiles_of(finite)
    lowest, highest = partial.stats.minimum, partial.stats.maximum
    if lowest is None or highest is None:
        return ()
    if not found:
        return ()
    return (lowest, *found[1:-1], highest)


def _bad(partial: PartialColumn) -> tuple[Cell, ...]:
    """The first 16 cells of all kinds by row, at least the first four of each kind among them."""
    kinds = (partial.missing, partial.nan, partial.infinite)
    kept = [cell for kind in kinds for cell in kind[:_EACH_KIND]]
    rest = sorted((cell for kind in kinds for cell in kind[_EACH_KIND:]), key=lambda cell: cell.row)
    return tuple(sorted([*kept, *rest[: MOST_CELLS - len(kept)]], key=lambda cell: cell.row))


def _repeated(
    partial: PartialColumn, finite: Array, complete: bool
) -> tuple[int | None, tuple[tuple[float, int], ...]]:
    if partial.distinct is not None:
        counts = dict(partial.distinct)
    elif complete:
        values, found = np.unique(finite, return_counts=True)
        counts = dict(zip(values.tolist(), found.tolist(), strict=True))
    else:
        counts = {**dict(partial.low_values), **dict(partial.high_values)}
        if partial.stats.zeros:
            counts[0.0] = partial.stats.zeros
    again = sorted(((value, count) for value, count in counts.items() if count > 1), key=lambda one: (-one[1], one[0]))
    return None if partial.distinct is None else len(counts), tuple(again[:REPEATED_VALUES])


def _most_frequent(counts: object) -> tuple[tuple[str, int], ...]:
    if not isinstance(counts, dict):
        return ()
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:REPEATED_VALUES])


def plain(values: Array) -> tuple[float, ...]:
    """An array as floats of Python."""
    return tuple(values.astype(np.float64).tolist())
