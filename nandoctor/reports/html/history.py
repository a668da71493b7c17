"""The last recorded steps of a training: loss, norm of the gradients and learning rate up to the trip."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bokeh.core.properties import value
from bokeh.models import BasicTicker, ColumnDataSource
from bokeh.plotting import figure

from nandoctor.finding import RecordedStep, RunReport
from nandoctor.reports.html.plots import BAD, GRADIENTS, VALUES, ground, hover, power_of_ten, ticks
from nandoctor.wording import number

_HEIGHT = 190
# A series that spans more than this is drawn on a logarithmic axis.
_WIDE = 100.0
# The dots of more steps than this would run into each other.
_DOTTED = 60
_RATE = "#7a6bb8"


@dataclass(frozen=True)
class Series:
    """One quantity over the steps, and its plot; `told` is the same in a sentence."""

    name: str
    plot: figure
    told: str


def history(run: RunReport) -> tuple[Series, ...]:
    """The plots of loss, gradient norm and learning rate; none where no step was recorded."""
    steps = drawn(run)
    return tuple(_series(steps, _tripped(run))) if steps else ()


def drawn(run: RunReport) -> Sequence[RecordedStep]:
    """The steps that the plots show: all that there are."""
    return run.history or run.recorded


def _tripped(run: RunReport) -> int | None:
    step = (run.trip or {}).get("step")
    return step if isinstance(step, int) else None


def _series(steps: Sequence[RecordedStep], tripped: int | None) -> Iterator[Series]:
    for name, colour, values in (
        ("Loss", VALUES, [one.loss for one in steps]),
        ("Gradient norm", GRADIENTS, [one.gradient_norm for one in steps]),
        ("Learning rate", _RATE, [one.learning_rate for one in steps]),
    ):
        yield Series(name, _plot([one.step for one in steps], values, colour, tripped), _told(name, steps, values))


def _told(name: str, steps: Sequence[RecordedStep], values: Sequence[float]) -> str:
    return (
        f"{name} from {number(values[0])} at step {steps[0].step:,} to {number(values[-1])} at step {steps[-1].step:,}"
    )


def _plot(steps: Sequence[int], values: Sequence[float], colour: str, tripped: int | None) -> figure:
    """One line; a value that is not finite is a cross above the others, at its step, with its name."""
    finite = [one for one in values if math.isfinite(one)]
    logarithmic = bool(finite) and min(finite) > 0 and max(finite) > _WIDE * min(finite)
    drawn = [math.log10(one) if logarithmic else one for one in finite]
    low, high = (min(drawn), max(drawn)) if drawn else (0.0, 1.0)
    span = (high - low) or abs(high) or 1.0
    bad = [(step, one) for step, one in zip(steps, values, strict=True) if not math.isfinite(one)]
    top = high + (0.35 if bad else 0.12) * span
    reach = max(steps[-1] - steps[0], 1)
    plot = ground(
        _HEIGHT,
        x_range=(steps[0] - 0.06 * reach, steps[-1] + 0.1 * reach),
        y_range=(low - 0.12 * span, top),
        x_axis_label="step",
    )
    plot.xgrid.visible = False
    if tripped is not None and steps[0] <= tripped <= steps[-1]:
        plot.vstrip(
            x0=[tripped - 0.02 * reach], x1=[tripped + 0.02 * reach], fill_color=BAD, fill_alpha=0.16, line_color=None
        )
    shown = [math.nan if not math.isfinite(one) else math.log10(one) if logarithmic else one for one in values]
    source = ColumnDataSource({"step": list(steps), "shown": shown, "value": [number(one) for one in values]})
    plot.line(x="step", y="shown", source=source, line_color=colour, line_width=2)
    dots = plot.scatter(
        x="step", y="shown", source=source, size=6 if len(steps) <= _DOTTED else 2, fill_color=colour, line_color=None
    )
    above = ColumnDataSource(
        {
            "step": [step for step, _ in bad],
            "shown": [high + 0.2 * span] * len(bad),
            "value": [number(one) for _, one in bad],
        }
    )
    crosses = plot.scatter(x="step", y="shown", source=above, marker="x", size=10, line_color=BAD, line_width=2.5)
    if bad:
        plot.text(
            x=[bad[0][0]],
            y=[high + 0.2 * span],
            text=[" and ".join(dict.fromkeys(number(one) for _, one in bad))],
            text_color=BAD,
            text_font_size="12px",
            text_font_style="bold",
            text_font=value("system-ui, sans-serif"),
            text_align="right",
            text_baseline="middle",
            x_offset=-9,
        )
    hover(plot, [dots, crosses], [("step", "@step"), ("value", "@value")])
    _ticks(plot, steps, low, high, logarithmic)
    return plot


def _ticks(plot: figure, steps: Sequence[int], low: float, high: float, logarithmic: bool) -> None:
    every = max(-(-(steps[-1] - steps[0]) // 4), 1)
    ticks(plot, "x", {float(one): f"{one:,}" for one in range(steps[0], steps[-1] + 1, every)})
    if logarithmic:
        first, last = math.floor(low), math.ceil(high)
        by = max(-(-(last - first) // 4), 1)
        ticks(plot, "y", {float(one): power_of_ten(one) for one in range(first, last + 1, by)})
    elif low == high:
        ticks(plot, "y", {low: number(low)})
    else:
        plot.yaxis[0].ticker = BasicTicker(desired_num_ticks=4)
