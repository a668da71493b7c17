"""The columns of the data by the scale of their values, with their bad cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bokeh.plotting import figure

from nandoctor.finding import BadCell, ColumnRow
from nandoctor.reports.html.bands import Decades, Lane, bands_plot
from nandoctor.reports.html.plots import VALUES
from nandoctor.reports.places import shown_file
from nandoctor.wording import number, plural

MOST_DRAWN = 40


def columns_plot(columns: Sequence[ColumnRow]) -> figure | None:
    """The worst 40 columns, the largest values on top; None where no column has a value that is finite and not 0."""
    drawn = sorted(columns[:MOST_DRAWN], key=lambda one: -(one.band.median or one.band.largest or 0.0))
    ends = [end for one in drawn for end in (one.band.smallest, one.band.largest) if end]
    if not ends:
        return None
    first, last = math.floor(math.log10(min(ends))), math.ceil(math.log10(max(ends)))
    first, last = min(first, -1), max(last, 1)
    every = max(-(-(last - first) // 6), 1)
    # A label at an end would run into that of the zeros or of what is not finite.
    beside = (last - first) * 0.08
    labelled = [one for one in range(first, last + 1) if one % every == 0 and first + beside < one < last - beside]
    return bands_plot(
        [_name(one, columns) for one in drawn],
        [Lane("magnitudes", VALUES, [one.band for one in drawn])],
        Decades(first - 0.2, last + 0.2, labelled),
    )


def told_bad(column: ColumnRow) -> str:
    """`2 NaN, 1 missing`; empty where all cells are finite numbers."""
    counts = (
        (column.band.nan, "NaN"),
        (column.band.infinite, "infinite"),
        (column.missing, "missing"),
        (column.text, "text"),
    )
    return ", ".join(f"{number(count)} {name}" for count, name in counts if count)


def told_cells(column: ColumnRow) -> str:
    """`line 19: nan; row 41: missing; 4 more cells`; lines with their files where there are several."""
    several = len({one.file for one in column.cells if one.line is not None}) > 1
    cells = [f"{_place(one, several)}: {one.holds}" for one in column.cells]
    more = column.bad - len(cells)
    return "; ".join([*cells, *([plural(more, "more cell")] if cells and more > 0 else [])])


def _place(cell: BadCell, several: bool) -> str:
    if cell.line is None:
        return f"row {cell.row}"
    return f"line {cell.line}{f' of {shown_file(cell.file)}' if several and cell.file else ''}"


def _name(column: ColumnRow, columns: Sequence[ColumnRow]) -> str:
    """The column's name, with its array's where some columns are called the same, and its bad cells."""
    name = f"column {column.column}" if column.column.isdigit() else column.column
    if len({one.column for one in columns}) < len(columns):
        name = f"{column.array}, {name}"
    return f"{name} ({bad})" if (bad := told_bad(column)) else name
