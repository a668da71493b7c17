"""Additions that one operand does not change, since the other is too large for the dtype to hold both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nandoctor.probes.compat.execution import view

ADDS = frozenset({"Add", "AddV2", "Sub"})
MOST_ROWS = 8
FEWEST_PLACES = 8
NEARLY_ALL = 0.99


@dataclass(frozen=True)
class Absorbed:
    """At `absorbed` of `places` places where the small operand (0 or 1) is not 0, it changes nothing.

    `small` is its largest magnitude, `large` the smallest of the other operand.
    """

    small_operand: int
    dtype: str
    places: int
    absorbed: int
    small: float
    large: float


def absorbed(inputs: list[Any], output: Any) -> Absorbed | None:
    """Whether one of two floating operands is absorbed at nearly all places; None where it is not.

    Looks at `MOST_ROWS` rows at most, spread over the batch.
    """
    if len(inputs) != 2 or not output.dtype.is_floating or output.shape.rank == 0:
        return None
    result = view(output)
    if result.size < FEWEST_PLACES:
        return None
    rows = slice(None, None, -(-result.shape[0] // MOST_ROWS))
    left, right = (np.broadcast_to(view(one), result.shape)[rows] for one in inputs)
    result = result[rows]
    for place, (small, large) in enumerate(((left, right), (right, left))):
        there = small != 0
        swallowed = there & (np.abs(result) == np.abs(large)) & np.isfinite(result)
        places, count = int(np.count_nonzero(there)), int(np.count_nonzero(swallowed))
        if places >= FEWEST_PLACES and count >= NEARLY_ALL * places and np.isfinite(large).all():
            most, least = float(np.abs(small).max()), float(np.abs(large).min())
            if most < least:
                return Absorbed(place, output.dtype.name, places, count, most, least)
    return None
