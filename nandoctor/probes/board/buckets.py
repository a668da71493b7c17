"""A histogram over sign and exponent, as the buckets that TensorBoard draws."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nandoctor.stats import Array, TensorStats

NEGATIVE, EXPONENT = 0x800, 0x7FF
BIAS = 1023
TINIEST = 2.0**-1022


def buckets(stats: TensorStats) -> Array:
    """The finite values as rows of left edge, right edge and count, from the smallest on: shape (k, 3), float64.

    A bucket is a power of two of one sign, its count exact: values of a bucket lie between its edges, of which the
    outermost are the smallest and the largest value. Zeros have a bucket without width. Empty where there is no finite
    value or no histogram was taken.
    """
    if not stats.histogram or stats.minimum is None or stats.maximum is None:
        return np.zeros((0, 3))
    lowest, highest = stats.minimum, stats.maximum
    rows = [(max(left, lowest), min(right, highest), count) for left, right, count in _powers_of_two(stats)]
    return np.array(rows, np.float64)


def _powers_of_two(stats: TensorStats) -> Iterator[tuple[float, float, int]]:
    """The buckets before they are cut to the values; of those around zero there is one."""
    counts = stats.histogram or {}
    for key in sorted((key for key in counts if key > NEGATIVE), reverse=True):
        small, large = _ends(key & EXPONENT)
        yield -large, -small, counts[key]
    around = counts.get(0, 0) + counts.get(NEGATIVE, 0)
    if around:
        # A zero may have either sign, and so may the float64 subnormals that are counted with it.
        yield (0.0, 0.0, around) if around == stats.zeros else (-TINIEST, TINIEST, around)
    for key in sorted(key for key in counts if 0 < key < NEGATIVE):
        small, large = _ends(key)
        yield small, large, counts[key]


def _ends(exponent: int) -> tuple[float, float]:
    """The powers of two that magnitudes of this exponent field lie between."""
    small = math.ldexp(1.0, exponent - BIAS)
    return small, small * 2.0
