"""The tables of figures: how far each layer's values reach and how near to its dtype's limit, and the last steps."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from nandoctor.finding import LayerRow, RecordedStep
from nandoctor.reports.wrapping import cell
from nandoctor.wording import number

_ALL_COLUMNS_FROM = 150


def layer_table(layers: Sequence[LayerRow], width: int) -> list[str]:
    """One row a layer in lines of at most `width` characters; below 150 columns related figures share a column."""
    if width >= _ALL_COLUMNS_FROM:
        headers = ["layer", "op", "dtype", "least", "greatest", "bad", "zero", "pinned", "headroom"]
        headers += ["gradient", "grad/weight"]
        rows = [
            [
                cell(row.layer, width - 125),
                cell(row.op_type, 20),
                row.dtype,
                _figure(row.minimum),
                _figure(row.maximum),
                number(row.nonfinite),
                _share(row.zero_share),
                _share(row.saturated_share),
                _headroom(row),
                _figure(row.gradient_norm),
                _figure(row.gradient_to_weight),
            ]
            for row in layers
        ]
    else:
        headers = ["layer", "range", "values", "gradient"]
        rows = [
            [
                cell(f"{row.layer}\n{row.op_type} {row.dtype}", width - 43),
                "\n".join(_range(row)),
                "\n".join(_values(row)),
                "\n".join(_gradient(row)),
            ]
            for row in layers
        ]
    return tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True).splitlines()


def recorded_table(steps: Sequence[RecordedStep]) -> list[str]:
    """One row a step of training; it fits any width."""
    rows = [[f"{one.step:,}", number(one.loss), number(one.gradient_norm), number(one.learning_rate)] for one in steps]
    headers = ["step", "loss", "gradient norm", "learning rate"]
    return tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True).splitlines()


def _range(row: LayerRow) -> list[str]:
    lines = [] if row.maximum is None else [_figure(row.minimum), f"to {_figure(row.maximum)}"]
    return lines if row.headroom is None else [*lines, f"{_headroom(row)} left"]


def _values(row: LayerRow) -> list[str]:
    lines = [f"{number(row.nonfinite)} bad"] if row.nonfinite else []
    if row.zero_share is not None:
        lines.append(f"{_share(row.zero_share)} zero")
    if row.saturated_share is not None:
        lines.append(f"{_share(row.saturated_share)} pinned")
    return lines


def _gradient(row: LayerRow) -> list[str]:
    lines = [] if row.gradient_norm is None else [number(row.gradient_norm)]
    return lines if row.gradient_to_weight is None else [*lines, f"/w {number(row.gradient_to_weight)}"]


def _headroom(row: LayerRow) -> str:
    return "" if row.headroom is None else f"2^{row.headroom:.1f}"


def _figure(value: float | None) -> str:
    return "" if value is None else number(value)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
