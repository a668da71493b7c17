"""Where magnitudes lie: of each layer's values and gradients, and of each column of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, DataFacts
from nandoctor.facts.cells import is_of
from nandoctor.finding import BadCell, Band, ColumnRow
from nandoctor.stats import TensorStats

MOST_COLUMNS = 64
MOST_CELLS = 4


def band(stats: TensorStats, sample: TensorStats | None = None) -> Band:
    """The band of values with these statistics; the figures inside it are those of `sample`, which has a histogram."""
    inside = _exponents(stats if sample is None else sample)
    smallest, low, median, high = (_power(inside, level) for level in (0.0, 0.01, 0.5, 0.99))
    return Band(
        count=stats.count,
        zeros=stats.zeros,
        nan=stats.nan,
        infinite=stats.positive_inf + stats.negative_inf,
        smallest=smallest,
        low=low,
        median=median,
        high=high,
        largest=stats.max_abs or None,
    )


def column_rows(data: DataFacts) -> tuple[tuple[ColumnRow, ...], int]:
    """The worst columns of all arrays, at most 64, worst first, and how many more there are.

    Those with bad cells come first, the most bad ones before the others; then those of the most extreme magnitudes.
    """
    every = [(array, column) for array in data.arrays for column in array.columns]
    every.sort(key=lambda pair: _badness(pair[1]))
    shown = tuple(_row(array, column) for array, column in every[:MOST_COLUMNS])
    return shown, len(every) - len(shown)


def _badness(column: ColumnFacts) -> tuple[int, float]:
    bad = column.stats.nonfinite + column.stats.missing + column.non_numeric
    magnitude = column.stats.max_abs
    return -bad, -abs(math.log2(magnitude)) if magnitude else 0.0


def _row(array: ArrayFacts, column: ColumnFacts) -> ColumnRow:
    low, median, high = (column.quantile(level) if column.quantiles else None for level in (0.01, 0.5, 0.99))
    return ColumnRow(
        array=array.name,
        column=column.name,
        role=array.role,
        minimum=column.stats.minimum,
        low=low,
        median=median,
        high=high,
        maximum=column.stats.maximum,
        missing=column.stats.missing,
        text=column.non_numeric,
        band=band(column.stats),
        cells=tuple(_bad_cells(column))[:MOST_CELLS],
    )


def _bad_cells(column: ColumnFacts) -> Iterator[BadCell]:
    for cell in sorted((*column.bad, *column.tokens), key=lambda one: one.row):
        yield BadCell(cell.row, cell.text or _held(cell, column), cell.line, cell.file)


def _held(cell: Cell, column: ColumnFacts) -> str:
    if math.isinf(cell.value):
        return "Inf" if cell.value > 0 else "-Inf"
    return "missing" if is_of(cell, column, "missing") else "NaN"


def _exponents(stats: TensorStats) -> Mapping[int, int]:
    """How many finite values that are not 0 have which binary exponent, in ascending order."""
    return dict(sorted((stats.exponents() or {}).items()))


def _power(exponents: Mapping[int, int], level: float) -> float | None:
    """The power of two in whose octave that share of the values is reached."""
    wanted, passed = level * sum(exponents.values()), 0
    for exponent, count in exponents.items():
        passed += count
        if passed >= wanted:
            return math.ldexp(1.0, exponent)
    return None
