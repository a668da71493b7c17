"""The range ladder: how far each layer's values and gradients reach, against what the floating dtypes can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bokeh.plotting import figure

from nandoctor.finding import Finding, Report
from nandoctor.reports.html.bands import Decades, Lane, bands_plot
from nandoctor.reports.html.plots import GRADIENTS, VALUES
from nandoctor.reports.places import shown_file
from nandoctor.stats import DTYPE_LIMITS

RULERS = ("float32", "bfloat16", "float16")
_DECADES = Decades(-45.5, 39.5, (-40, -20, 0, 20))
_WIDER = Decades(-324.0, 309.0, (-300, -200, -100, 0, 100, 200))


@dataclass(frozen=True)
class Ladder:
    """The plot; `marked` names the first bad op and where it is in the order of layers, None where there is none."""

    plot: figure
    marked: str | None
    layers: int
    gradients: bool


def ladder(report: Report) -> Ladder | None:
    """The ladder of the report's layers; None where no layer's magnitudes were measured."""
    rows = [row for row in report.layers if row.activation is not None or row.gradient is not None]
    if not rows:
        return None
    names = [row.layer for row in rows]
    values = [row.activation for row in rows]
    gradients = [row.gradient for row in rows]
    place, marked = None, None
    found = first_bad_op(report)
    if found is not None:
        layer, op, phase = found
        if layer in names:
            place = names.index(layer)
            marked = f"{op} in layer {layer}, {phase}"
        else:
            # An op outside the layers that were measured: of the loss, as a rule.
            place = len(names)
            marked = f"{op}, {phase}, outside the layers"
            names, values, gradients = [*names, op], [*values, None], [*gradients, None]
    lanes = [Lane("values", VALUES, values)]
    if any(gradients):
        lanes.append(Lane("gradients", GRADIENTS, gradients))
    wide = any(row.dtype == "float64" for row in rows)
    plot = bands_plot(
        names,
        lanes,
        _WIDER if wide else _DECADES,
        rulers={name: DTYPE_LIMITS[name] for name in (*(["float64"] if wide else []), *RULERS)},
        marked=place,
    )
    return Ladder(plot, marked, len(rows), any(gradients))


def first_bad_op(report: Report) -> tuple[str | None, str, str] | None:
    """The layer, the op with its line, and the pass of the first op that gave what is not finite.

    It is that of the root cause or, where that is the data or the training, of what follows from it; None where no
    error is an op's.
    """
    if not report.findings:
        return None
    for finding in (report.findings[0], *unfolded(report.findings[0])):
        location = finding.location
        if finding.severity == "error" and location.phase in ("forward", "backward") and location.op:
            op = location.op_type or location.op
            if location.file and location.line is not None:
                op = f"{op} ({shown_file(location.file).rpartition('/')[2]}:{location.line})"
            return location.layer, op, f"{location.phase} pass"
    return None


def unfolded(finding: Finding) -> Iterator[Finding]:
    """All that follows from the finding, each consequence before those that follow from it."""
    for consequence in finding.consequences:
        yield consequence
        yield from unfolded(consequence)
