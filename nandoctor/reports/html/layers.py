"""The table of layers: what each cell shows, and what it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nandoctor.finding import Band, LayerRow
from nandoctor.wording import number

Figure = float | None


@dataclass(frozen=True)
class Cell:
    """A figure of the table: its text, and the number that it is sorted by as a script reads it (empty: unknown)."""

    shown: str
    sorted_by: str


@dataclass(frozen=True)
class ShownLayer:
    """A row of the table: the layer, what it is, and its figures in the order of `FIGURES`."""

    row: LayerRow
    cells: tuple[Cell, ...]


def shown_layers(layers: Sequence[LayerRow]) -> tuple[ShownLayer, ...]:
    """The rows of the table in the order of execution."""
    return tuple(
        ShownLayer(row, tuple(_cell(value, told) for value, told in (get(row) for get in FIGURES.values())))
        for row in layers
    )


def _cell(value: Figure, told: Callable[[float], str]) -> Cell:
    if value is None:
        return Cell("", "")
    # NaN is worse than any number: it goes with the infinities.
    return Cell(told(value), "Infinity" if math.isnan(value) or value == math.inf else repr(float(value)))


def _of(band: Band | None, name: str) -> Figure:
    return None if band is None else getattr(band, name)


def _unless_bad(value: Figure, band: Band | None) -> Figure:
    """The figure, but NaN or infinity where some of the values are: what was measured is of the finite ones alone."""
    if band is not None and (band.nan or band.infinite):
        return math.nan if band.nan else math.inf
    return value


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %"


def _octaves(value: float) -> str:
    return f"2^{value:.0f}"


FIGURES: dict[str, Callable[[LayerRow], tuple[Figure, Callable[[float], str]]]] = {
    "smallest": lambda row: (_of(row.activation, "smallest"), number),
    "median": lambda row: (_of(row.activation, "median"), number),
    "largest": lambda row: (_of(row.activation, "largest"), number),
    "NaN, Inf": lambda row: (row.nonfinite, number),
    "zero": lambda row: (row.zero_share, _percent),
    "pinned": lambda row: (row.saturated_share, _percent),
    "headroom": lambda row: (row.headroom, _octaves),
    "gradient, smallest": lambda row: (_of(row.gradient, "smallest"), number),
    "gradient, largest": lambda row: (_unless_bad(_of(row.gradient, "largest"), row.gradient), number),
    "gradient norm": lambda row: (_unless_bad(row.gradient_norm, row.gradient), number),
    "gradient / weight": lambda row: (_unless_bad(row.gradient_to_weight, row.gradient), number),
}
