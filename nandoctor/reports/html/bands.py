"""Bands of magnitudes on a logarithmic axis: a row for each layer or column, a lane for each kind of values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bokeh.models import ColumnDataSource, NoOverlap
from bokeh.plotting import figure

from nandoctor.finding import Band
from nandoctor.reports.html.plots import BAD, ground, hover, power_of_ten, ticks
from nandoctor.stats import DtypeLimits
from nandoctor.wording import number

_LONGEST_NAME = 30
_TALLEST_ROW, _LOWEST_ROW, _WANTED_HEIGHT = 26, 8, 900
_BETWEEN_NAMES = 14
_MOSTLY = 0.5


@dataclass(frozen=True)
class Lane:
    """The bands of one kind of values, one a row of the plot (None where nothing was measured), and their colour."""

    of: str
    colour: str
    bands: Sequence[Band | None]


@dataclass(frozen=True)
class Decades:
    """The shown part of the axis, as powers of ten, and those that are labelled.

    Beside it are the places of what has no logarithm: of zeros on the left, of what is not finite on the right.
    """

    first: float
    last: float
    labelled: Sequence[int]

    @property
    def zero(self) -> float:
        """Where zeros are shown."""
        return self.first - self.margin

    @property
    def bad(self) -> float:
        """Where NaN and infinities are shown."""
        return self.last + self.margin

    @property
    def margin(self) -> float:
        """The distance of these from the rest."""
        return (self.last - self.first) * 0.05


def bands_plot(
    names: Sequence[str],
    lanes: Sequence[Lane],
    decades: Decades,
    *,
    rulers: Mapping[str, DtypeLimits] | None = None,
    marked: int | None = None,
) -> figure:
    """The plot, its first row on top below the `rulers`, which say what a dtype can hold; the `marked` row stands out.

    Each band is drawn from its smallest to its largest magnitude, thick from the 1st to the 99th percentile, with a
    line at the median. A cross on the right says that some values are NaN or infinite, a ring on the left that half of
    them or more are 0.
    """
    rulers = rulers or {}
    # Rulers keep their height where there are so many rows that these become low.
    height = min(max(_WANTED_HEIGHT // max(len(names), 1), _LOWEST_ROW), _TALLEST_ROW)
    ruler = _TALLEST_ROW / height
    top = -0.5 - ruler * len(rulers)
    plot = ground(
        round(height * (len(names) - 0.5 - top)) + 48,
        x_range=(decades.zero - decades.margin / 2, decades.bad + decades.margin / 2),
        y_range=(len(names) - 0.5, top),
    )
    # The page has a colour for every grid and axis, which None would not keep from them.
    plot.ygrid.visible = False
    named = {top + ruler * (place + 0.5): name for place, name in enumerate(rulers)}
    for y, name in named.items():
        _draw_ruler(plot, rulers[name], y, ruler, len(names))
    if marked is not None:
        plot.hstrip(y0=[marked - 0.5], y1=[marked + 0.5], fill_color=BAD, fill_alpha=0.16, line_color=None)
        plot.scatter(x=[decades.bad], y=[marked], marker="x", size=12, line_color=BAD, line_width=3)
    breadth = 0.8 / max(len(lanes), 1)
    for place, lane in enumerate(lanes):
        _draw_lane(plot, lane, names, decades, offset=(place - (len(lanes) - 1) / 2) * breadth, breadth=breadth * 0.8)
    labels = {float(one): power_of_ten(one) for one in decades.labelled}
    ticks(plot, "x", {decades.zero: "0", **labels, decades.bad: "NaN\nInf"})
    ticks(plot, "y", named | {float(one): shortened(names[one]) for one in _labelled_rows(len(names), height, marked)})
    plot.xaxis.major_label_policy = NoOverlap(min_distance=6)
    plot.yaxis.axis_line_alpha = plot.yaxis.major_tick_line_alpha = 0
    return plot


def shortened(name: str) -> str:
    """The name with its middle left out where it is long: layers differ at their ends."""
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME // 3]}…{name[-(_LONGEST_NAME - _LONGEST_NAME // 3 - 1) :]}"


def _labelled_rows(count: int, height: int, marked: int | None) -> Iterator[int]:
    """As many rows as have room for their names, and in any case the marked one."""
    every = -(-_BETWEEN_NAMES // height)
    for row in range(0, count, every):
        if marked is None or row == marked or abs(row - marked) >= every:
            yield row
    if marked is not None and marked % every:
        yield marked


def _draw_ruler(plot: figure, limits: DtypeLimits, y: float, height: float, rows: int) -> None:
    """What the dtype can hold: thick from its smallest normal to its largest number, thin for its subnormal ones."""
    subnormal, normal, largest = (math.log10(one) for one in (limits.subnormal, limits.normal, limits.largest))
    plot.segment(x0=[subnormal], x1=[normal], y0=[y], y1=[y], line_color="#8a8f98", line_width=1.5)
    plot.hbar(
        y=[y],
        left=[normal],
        right=[largest],
        height=height * 0.3,
        fill_color="#8a8f98",
        line_color=None,
        fill_alpha=0.8,
    )
    for limit in (normal, largest):
        plot.segment(
            x0=[limit], x1=[limit], y0=[y], y1=[rows - 0.5], line_color="#8a8f98", line_dash=[3, 3], line_width=1
        )


def _draw_lane(
    plot: figure, lane: Lane, names: Sequence[str], decades: Decades, *, offset: float, breadth: float
) -> None:
    known = [(place, one) for place, one in enumerate(lane.bands) if one is not None]
    shown = [pair for pair in known if pair[1].largest is not None]
    source = _source(names, shown, offset)
    thin = plot.segment(
        x0="smallest", x1="largest", y0="y", y1="y", source=source, line_color=lane.colour, line_width=1.5
    )
    thick = plot.hbar(
        y="y", left="low", right="high", height=breadth, source=source, fill_color=lane.colour, line_color=lane.colour
    )
    wide = [pair for pair in shown if math.log10(pair[1].high or 1) - math.log10(pair[1].low or 1) > decades.margin / 2]
    medians = _source(names, wide, offset)
    plot.hbar(y="y", left="median", right="median", height=breadth, source=medians, line_color="#ffffff", line_width=2)
    bad = _source(names, [pair for pair in known if pair[1].nan or pair[1].infinite], offset)
    crosses = plot.scatter(
        x=decades.bad, y="y", marker="x", size=8, source=bad, line_color=BAD, line_width=2, name=f"bad {lane.of}"
    )
    mostly = [pair for pair in known if pair[1].count and pair[1].zeros >= _MOSTLY * pair[1].count]
    rings = plot.scatter(
        x=decades.zero,
        y="y",
        marker="circle",
        size=7,
        source=_source(names, mostly, offset),
        fill_color=None,
        line_color=lane.colour,
        line_width=1.5,
    )
    hover(
        plot,
        [thin, thick, crosses, rings],
        [("", "@name"), (lane.of, "@range"), ("98 % of them", "@most"), ("among them", "@others")],
    )


def _source(names: Sequence[str], bands: Sequence[tuple[int, Band]], offset: float) -> ColumnDataSource:
    def logarithms(of: Sequence[float | None]) -> list[float]:
        return [math.nan if one is None else math.log10(one) for one in of]

    return ColumnDataSource(
        {
            "name": [names[place] for place, _ in bands],
            "y": [place + offset for place, _ in bands],
            "smallest": logarithms([one.largest if one.smallest is None else one.smallest for _, one in bands]),
            "low": logarithms([one.largest if one.low is None else one.low for _, one in bands]),
            "median": logarithms([one.median for _, one in bands]),
            "high": logarithms([_upper_end(one) for _, one in bands]),
            "largest": logarithms([one.largest for _, one in bands]),
            "range": [_range(one.smallest, one.largest) for _, one in bands],
            "most": [_range(one.low, one.high) for _, one in bands],
            "others": [told_others(one) or "no zeros, NaN or infinities" for _, one in bands],
        }
    )


def _upper_end(band: Band) -> float | None:
    """The upper end of the octave that the 99th percentile is in, or the largest magnitude where that is less."""
    if band.high is None or band.largest is None:
        return band.largest
    return min(2.0 * band.high, band.largest)


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return "none finite and not 0"
    return f"up to {number(high)}" if low is None else f"{number(low)} to {number(high)}"


def told_others(band: Band) -> str:
    """How many of the values are 0, NaN or infinite; empty where none is."""
    counts = ((band.zeros, "0"), (band.nan, "NaN"), (band.infinite, "infinite"))
    return ", ".join(f"{count:,} {name}" for count, name in counts if count)
