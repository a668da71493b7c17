"""What the records of a run amount to: whether a sequence grows geometrically, and how large the updates are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nandoctor.facts.run import History, OptimizerFacts
from nandoctor.stats import Array

# A window of this many steps is judged by its fit; a shorter one only where every step of it rises steeply.
_FEWEST = 5
_STEEP = 10.0
_ABRUPT = range(3, _FEWEST)
# What the spread around the line is never taken to be less than: a share of a power of two, and of one step's rise.
_FLOOR = 0.25
_CLEAR = 5.0
_EVERY = 24
_WIDENED = 1.15


@dataclass(frozen=True)
class Growth:
    """Geometric growth up to the last value.

    `factor` is that of one step, `steps` over how many steps it was followed, `first` and `last` are the values at the
    ends of these.
    """

    factor: float
    steps: int
    first: float
    last: float

    @property
    def rise(self) -> float:
        """How many times larger the last value is than the first."""
        return self.last / self.first

    def steps_to(self, limit: float) -> int:
        """After how many more steps of this growth the limit is reached (0 where it is already)."""
        missing = math.log2(limit) - math.log2(self.last)
        return max(math.ceil(missing / math.log2(self.factor)), 0)


def growth(values: Sequence[float]) -> Growth | None:
    """How the last finite, positive values grow, None unless geometrically; a step with another value is passed over.

    A line is fitted to the binary logarithms of the last values (Theil 1950 and Sen 1968: the median slope of all
    pairs, which a third of stray values do not move), for each of many numbers of them. Of these the one counts whose
    rise stands out most from the median distance to its line; it must do so 5 times. Three or four values count
    where each is at least 1,024 times the one before. First values far from the line are left out of it again.
    """
    points = [(place, value) for place, value in enumerate(values) if 0.0 < value < math.inf]
    places = np.array([place for place, _ in points], np.float64)
    heights = np.log2(np.array([value for _, value in points], np.float64))
    best: tuple[float, int] | None = None
    for width in _widths(len(places)):
        slope, spread = _line(places[-width:], heights[-width:])
        clearness = slope * (places[-1] - places[-width]) / _noise(slope, spread)
        enough = clearness >= _CLEAR
        if width in _ABRUPT:
            enough = bool((np.diff(heights[-width:]) >= _STEEP).all())
        if enough and (best is None or clearness > best[0]):
            best = clearness, width
    if best is None:
        return None
    width = _trimmed(places, heights, best[1])
    slope, _ = _line(places[-width:], heights[-width:])
    return Growth(
        factor=2.0**slope,
        steps=int(places[-1] - places[-width]),
        first=points[-width][1],
        last=points[-1][1],
    )


def update_ratios(optimizer: OptimizerFacts, history: History) -> tuple[float, ...]:
    """The norm of each step's update over that of all variables, NaN where it is not known; empty where none is.

    It is what was measured; at the other steps, for plain gradient descent, the learning rate times the gradient.
    """
    measured = [_measured(history, step) for step in range(history.steps)] if history.updates else []
    if optimizer.name == "SGD" and optimizer.clip is None and not optimizer.momentum and history.weight_norms:
        steps = zip(history.learning_rate, history.gradient_norm, history.weight_norm, strict=True)
        known = [abs(rate) * gradient / weights if weights else math.nan for rate, gradient, weights in steps]
        pairs = zip(measured or known, known, strict=True)
        return tuple(one if math.isfinite(one) else other for one, other in pairs)
    return tuple(measured) if any(map(math.isfinite, measured)) else ()


def largest_update(optimizer: OptimizerFacts, history: History, steps: int) -> tuple[float, bool]:
    """The largest norm of an update over that of the weights in the last steps, and whether it is only a lower bound.

    Where updates are not known it is how much the weights' norm changed, which no update can be shorter than. (0, True)
    where the record has no weights, or only one step of them.
    """
    known = [ratio for ratio in update_ratios(optimizer, history)[-steps:] if math.isfinite(ratio)]
    if known:
        return max(known), False
    norms = history.weight_norm[-steps - 1 :]
    changes = [abs(after - before) / before for before, after in pairwise(norms) if 0.0 < before < math.inf]
    return max((one for one in changes if math.isfinite(one)), default=0.0), True


def _measured(history: History, step: int) -> float:
    weights = {name: norms[step] for name, norms in history.weight_norms.items()}
    moved = sum((ratios[step] * weights.get(name, 0.0)) ** 2 for name, ratios in history.updates.items())
    whole = sum(weight**2 for weight in weights.values())
    return math.sqrt(moved / whole) if whole else math.nan


def _widths(most: int) -> Iterator[int]:
    """How many of the last values to try: each number at first, then ever fewer of them."""
    width = _ABRUPT.start
    while width <= most:
        yield width
        width = width + 1 if width < _EVERY else math.ceil(width * _WIDENED)


def _trimmed(places: Array, heights: Array, width: int) -> int:
    """The window without the first values that lie further from its line than the others do."""
    slope, spread = _line(places[-width:], heights[-width:])
    left = heights[-width:] - slope * places[-width:]
    off = np.abs(left - np.median(left)) > 2.0 * _noise(slope, spread)
    return max(width - int(np.argmin(off)), _ABRUPT.start)


def _noise(slope: float, spread: float) -> float:
    return _FLOOR * (1.0 + abs(slope)) + spread


def _line(places: Array, heights: Array) -> tuple[float, float]:
    """The slope of the line through the points, and the median distance to it."""
    earlier, later = np.triu_indices(len(places), 1)
    slope = float(np.median((heights[later] - heights[earlier]) / (places[later] - places[earlier])))
    left = heights - slope * places
    return slope, float(np.median(np.abs(left - np.median(left))))
