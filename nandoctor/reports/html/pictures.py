"""The plots of a page, and what its script needs to draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from nandoctor.finding import ColumnRow, RecordedStep, Report
from nandoctor.reports.html.columns import columns_plot, told_bad, told_cells
from nandoctor.reports.html.history import Series, drawn, history
from nandoctor.reports.html.ladder import Ladder, ladder
from nandoctor.reports.html.plots import embedded, library


@dataclass(frozen=True)
class ShownColumn:
    """A column with its bad cells in words: how many of which kind, and which the first are."""

    row: ColumnRow
    bad: str
    cells: str


@dataclass(frozen=True)
class Pictures:
    """The plots by the id of their place in the page, and the library that draws them (empty where there are none).

    `steps` are those that the plots of the history show.
    """

    ladder: Ladder | None
    history: tuple[Series, ...]
    steps: Sequence[RecordedStep]
    columns: tuple[ShownColumn, ...]
    plots: Mapping[str, dict[str, Any]]
    library: Markup


def pictures(report: Report) -> Pictures:
    """The plots of what the report has figures for."""
    steps = ladder(report)
    recorded = history(report.run) if report.run is not None else ()
    scales = columns_plot(report.columns)
    plots = {f"plot-history-{place}": one.plot for place, one in enumerate(recorded)}
    if steps is not None:
        plots["plot-ladder"] = steps.plot
    if scales is not None:
        plots["plot-columns"] = scales
    return Pictures(
        steps,
        recorded,
        drawn(report.run) if report.run is not None else (),
        tuple(ShownColumn(one, told_bad(one), told_cells(one)) for one in report.columns),
        {place: embedded(plot, place) for place, plot in plots.items()},
        Markup(library()) if plots else Markup(),
    )
