"""The ops whose results are looked at in full, and what was seen of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from nandoctor.stats import Array, TensorStats

MOST_SAMPLED = 4096


@dataclass(frozen=True)
class Look:
    """What to look at in an op's result.

    The `ends` of a bounded activation, the `row_sums` of a head, the `spread` of what a softmax is taken of.
    """

    ends: tuple[float, float] | None = None
    row_sums: bool = False
    spread: bool = False


@dataclass
class Watched:
    """Running observations of an op whose result is looked at in full; `births` are those that its values stem from.

    `sample` are statistics of some of its values, with the histogram that is too slow to take of all.
    """

    stats: TensorStats = field(default_factory=TensorStats)
    sample: TensorStats = field(default_factory=TensorStats)
    dtype: str = ""
    unit_extremes: Array | None = None
    low_pinned: int = 0
    high_pinned: int = 0
    row_sums: tuple[float, float] | None = None
    shape: tuple[int, ...] = ()
    births: set[int] = field(default_factory=set)
    spread: float | None = None

    def add(self, array: Array, dtype: str, wanted: Look, op_type: str) -> None:
        """Add one result; `dtype` is its name in TensorFlow, which knows more of them than numpy."""
        self.dtype, self.shape = dtype, tuple(array.shape)
        self.stats = self.stats + TensorStats.quickly(array)
        self.sample = self.sample + sampled(array)
        if wanted.ends is not None:
            self.low_pinned += int(np.count_nonzero(array <= wanted.ends[0]))
            self.high_pinned += int(np.count_nonzero(array >= wanted.ends[1]))
        if op_type in ("Relu", "Relu6") and array.ndim > 1:
            extremes = array.max(axis=tuple(range(array.ndim - 1)))
            self.unit_extremes = extremes if self.unit_extremes is None else np.maximum(self.unit_extremes, extremes)
        if wanted.spread and array.ndim > 1 and array.size:
            with np.errstate(invalid="ignore"):  # an infinity less another one
                spreads = array.max(axis=-1) - array.min(axis=-1)
            widest = float(spreads[np.isfinite(spreads)].max(initial=0.0))
            self.spread = max(widest, self.spread or 0.0)
        if wanted.row_sums and array.ndim > 1:
            sums = array.sum(axis=-1)
            ends = (float(sums.min()), float(sums.max())) if sums.size else (0.0, 0.0)
            before = self.row_sums or ends
            self.row_sums = (min(before[0], ends[0]), max(before[1], ends[1]))


def sampled(array: Array) -> TensorStats:
    """Statistics with a histogram of at most 4,096 of the values, evenly spread over all places of the last axis."""
    flat = array.reshape(-1)
    stride = -(-flat.size // MOST_SAMPLED) or 1
    while math.gcd(stride, array.shape[-1] if array.ndim else 1) > 1:
        stride += 1
    return TensorStats.of(flat[::stride])
