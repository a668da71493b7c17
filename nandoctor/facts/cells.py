"""The cells of an array that are no finite number, gathered over its columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from nandoctor.facts.data import ArrayFacts, Cell, ColumnFacts
from nandoctor.stats import TensorStats
from nandoctor.wording import listing

Badness = Literal["nan", "inf", "missing"]


@dataclass(frozen=True)
class BadCells:
    """The bad cells of one kind in one array.

    `count` of `values` values are bad, exactly. `columns` are the columns that have any, with their counts,
    worst first (empty where no columns were profiled); `first` the first known cells with their column, by row.
    `only_column` says that the array has no other column.
    """

    count: int
    values: int
    columns: tuple[tuple[str, int], ...]
    first: tuple[tuple[str, Cell], ...]
    only_column: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of at most 16 columns that have bad cells, worst first; none of an array's only, unnamed column."""
        if self._unnamed:
            return ()
        return tuple(name for name, _ in self.columns[:16])

    @property
    def _unnamed(self) -> bool:
        """Whether there is one column, which has no name but 0."""
        return self.only_column and all(name.isdigit() for name, _ in self.columns)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """At most 16 of the first bad cells, by row."""
        return tuple(cell for _, cell in self.first[:16])

    def where_clause(self) -> str:
        """The end of a sentence: the columns with their counts, and the first cell; empty if neither is known.

        The number of an array's only column says nothing.
        """
        parts = []
        if self.columns and not self._unnamed:
            parts.append(f"by column: {listing([f'{name} ({count:,})' for name, count in self.columns])}")
        if self.first:
            name, cell = self.first[0]
            column = "" if self._unnamed else f", column {name}"
            file = PurePath(cell.file).name if cell.file else "the file"
            line = f", line {cell.line} of {file}" if cell.line is not None else ""
            text = f", written {cell.text!r}" if cell.text is not None else ""
            parts.append(f"the first is in row {cell.row}{column}{line}{text}")
        return "".join(f"; {part}" for part in parts)


def bad_cells(array: ArrayFacts, kind: Badness) -> BadCells | None:
    """The cells of that kind in the array; None where it has none or holds no numbers."""
    if array.stats is None or not _count(array.stats, kind):
        return None
    columns = [(column.name, _count(column.stats, kind)) for column in array.columns]
    first = [(column.name, cell) for column in array.columns for cell in column.bad if is_of(cell, column, kind)]
    return BadCells(
        count=_count(array.stats, kind),
        values=array.stats.count,
        columns=tuple(sorted((entry for entry in columns if entry[1]), key=lambda entry: -entry[1])),
        first=tuple(sorted(first, key=lambda entry: entry[1].row)),
        only_column=len(array.columns) == 1,
    )


def likely_maker(array: ArrayFacts, kind: Badness) -> str:
    """What may have made the bad values, judged by what stands together in a column; empty where nothing tells."""
    named = len(array.columns) > 1
    columns = [
        (f" in column {one.name}" if named else "", one.stats) for one in array.columns if _count(one.stats, kind)
    ]
    for where, stats in columns:
        if stats.nan == stats.count > 1:
            return (
                f" All values{where} are NaN: it may be that they were scaled by a mean or a standard deviation "
                "that is NaN itself, as that of a column with one NaN cell is."
            )
    for where, stats in columns:
        if stats.negative_inf and not stats.positive_inf and not (kind == "inf" and stats.nan):
            what = "0 (log1p: of -1)" if not stats.nan else "0 and of less (log1p: of -1 and less)"
            beside = f"{stats.nan:,} NaN beside " if stats.nan else ""
            return f" {beside}{stats.negative_inf:,} -Inf{where} may come from a logarithm: that of {what} gives them."
    return ""


def _count(stats: TensorStats, kind: Badness) -> int:
    if kind == "inf":
        return stats.positive_inf + stats.negative_inf
    return stats.nan if kind == "nan" else stats.missing


def is_of(cell: Cell, column: ColumnFacts, kind: Badness) -> bool:
    """Whether a bad cell of the column is of that kind."""
    if not math.isnan(cell.value):
        return kind == "inf"
    if kind == "inf" or not _count(column.stats, kind):
        return False
    if not (column.stats.nan and column.stats.missing):
        return True
    says_nan = cell.text is None or cell.text.strip().lstrip("+-").lower() == "nan"
    return says_nan == (kind == "nan")
