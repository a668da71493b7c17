"""How large a tensor's values are, as fast as it can be told: this is asked of every tensor of a step."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from nandoctor.stats import Array

HALF_WAY: Mapping[str, float] = {"e": 2.0**8, "f": 2.0**64, "d": 2.0**512}
"""The magnitude that uses up half of a dtype's powers of two, by numpy's type character."""


def largest_magnitude(array: Array) -> float:
    """The largest magnitude; Inf where a value is not finite.

    argmin and argmax stop at a NaN, and take a third of the time of min and max on the small tensors of a loop.
    """
    flat = array.reshape(-1)
    low, high = float(flat[flat.argmin()]), float(flat[flat.argmax()])
    return max(abs(low), abs(high)) if math.isfinite(low) and math.isfinite(high) else math.inf


def magnitude_bound(array: Array) -> float:
    """An upper bound of the largest magnitude, Inf where a value is not finite.

    The Euclidean norm: one pass at the speed of memory, where minimum and maximum take two (measured: 2.4 times as fast
    on float32).
    """
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        return largest_magnitude(array)
    flat = array.reshape(-1)
    square_sum = float(np.dot(flat, flat))
    if math.isfinite(square_sum):
        return math.sqrt(square_sum)
    # Squares that are too large give Inf; NaN comes of nothing but a NaN.
    return math.inf if math.isnan(square_sum) else largest_magnitude(array)
