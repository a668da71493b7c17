"""Numbers and lists as people read them, the same in every message."""

from __future__ import annotations

import math
from collections.abc import Sequence


def number(value: float) -> str:
    """A number with at most four significant digits: `0.25`, `1.3e+06`, `1,024`, `NaN`, `-Inf`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return f"{value:.4g}"


def plural(count: int, noun: str) -> str:
    """`1 row`, `1,024 rows`, `2 batches`, `2 epochs`."""
    ending = "es" if noun.endswith("batch") else "s"
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}{ending}"


def named_columns(names: Sequence[str], most: int = 8) -> str:
    """`column 3`, `columns age, height`: columns may have no name but their number."""
    return f"{'column' if len(names) == 1 else 'columns'} {listing(names, most)}"


def listing(items: Sequence[object], most: int = 8) -> str:
    """`3, 17, 41` and, beyond `most`, `3, 17, ... (12 in all)`."""
    shown = ", ".join(str(item) for item in items[:most])
    return shown if len(items) <= most else f"{shown}, ... ({len(items):,} in all)"
