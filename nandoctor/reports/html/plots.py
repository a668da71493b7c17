"""What the plots have in common: their ground, their colours, their axes, and how they get into the page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bokeh.embed import json_item
from bokeh.models import FixedTicker, HoverTool, PlainText, Range1d
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure
from bokeh.settings import settings

# Each stands out from a white ground and from a nearly black one; letters and lines take the page's own colours.
VALUES, GRADIENTS, BAD = "#3f7fc1", "#b8741a", "#d64545"
# Where the JSON of a plot has the names of its models.
_IDENTITIES = ("id", "root_id")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ground(height: int, *, x_range: tuple[float, float], y_range: tuple[float, float], **axes: Any) -> figure:
    """An empty plot as wide as its place, without tools."""
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        x_range=Range1d(start=x_range[0], end=x_range[1]),
        y_range=Range1d(start=y_range[0], end=y_range[1]),
        toolbar_location=None,
        tools="",
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border_right=16,
        **axes,
    )
    for axis in plot.axis:
        axis.major_label_text_font_size = "11px"
        axis.major_label_text_font = "system-ui, sans-serif"
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = "11px"
        axis.axis_label_text_font = "system-ui, sans-serif"
        axis.minor_tick_line_alpha = 0
        axis.major_tick_in = 0
    return plot


def ticks(plot: figure, side: str, labels: Mapping[float, str]) -> None:
    """Put exactly these labels at an axis: "x" or "y"."""
    axis = plot.xaxis[0] if side == "x" else plot.yaxis[0]
    axis.ticker = FixedTicker(ticks=list(labels))
    # A plain string in dollar signs would be taken for mathematics, whose typesetter is fetched from the network.
    axis.major_label_overrides = {place: PlainText(text=label) for place, label in labels.items()}


def hover(plot: figure, renderers: Iterable[GlyphRenderer[Any]], tooltips: list[tuple[str, str]]) -> None:
    """Show these fields of what the pointer is on."""
    plot.add_tools(HoverTool(renderers=list(renderers), tooltips=tooltips, point_policy="follow_mouse"))


def power_of_ten(exponent: int) -> str:
    """`10⁻²⁰`, and `1` for the exponent 0."""
    return "1" if exponent == 0 else f"10{str(exponent).translate(_SUPERSCRIPT)}"


def embedded(plot: figure, place: str) -> dict[str, Any]:
    """The plot as the page's script takes it: plain JSON, which is the same for the same plot in the same place.

    Bokeh counts its models through the whole life of a process.
    """
    numbers: dict[str, str] = {}

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            key: numbers.setdefault(one, f"{place}-{len(numbers)}") if key in _IDENTITIES else renamed(one)
            for key, one in value.items()
        }

    item: dict[str, Any] = renamed(json.loads(json.dumps(json_item(plot))))
    return item


@cache
def library() -> str:
    """The script that draws the plots, as bokeh ships it (BSD-3-Clause)."""
    return Path(settings.bokehjs_path(), "js", "bokeh.min.js").read_text(encoding="utf-8")
