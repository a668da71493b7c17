"""What the sorted values of a column tell without another pass over them."""

from __future__ import annotations

import numpy as np

from nandoctor.stats import Array, TensorStats

# Up to here the squares of 2**53 deviations have a finite sum.
LARGEST = 1e140
_EXPONENT_BITS = 52
_NEGATIVE = 1 << 11


def is_plain(ordered: Array) -> bool:
    """Whether all of these sorted values are finite floats whose squares can be added (NaN is sorted to the end)."""
    known = ordered.dtype in (np.float32, np.float64) and len(ordered) > 0
    return known and float(ordered[0]) >= -LARGEST and float(ordered[-1]) <= LARGEST


def stats_of_ordered(ordered: Array) -> TensorStats:
    """As `TensorStats.of`, for sorted values that are plain: extremes, zeros and histogram are looked up."""
    wide = ordered.astype(np.float64, copy=False)
    first, past = (int(place) for place in (np.searchsorted(wide, 0.0), np.searchsorted(wide, 0.0, "right")))
    mean = float(wide.mean())
    deviations = wide - mean
    histogram = {
        **_histogram(wide[past:], 0),
        **_histogram(-wide[:first][::-1], _NEGATIVE),
    }
    negative = int(np.count_nonzero(np.signbit(wide[first:past])))
    for key, zeros in ((0, past - first - negative), (_NEGATIVE, negative)):
        if zeros:
            histogram[key] = histogram.get(key, 0) + zeros
    return TensorStats(
        count=len(wide),
        zeros=past - first,
        minimum=float(wide[0]),
        maximum=float(wide[-1]),
        mean=mean,
        # einsum and not dot, for which BLAS would start threads of its own.
        m2=float(np.einsum("i,i->", deviations, deviations)),
        histogram=dict(sorted(histogram.items())),
    )


def ends_of_ordered(ordered: Array, changes: Array, most: int) -> tuple[list[int], list[int]]:
    """Where the first `most` distinct values begin and the last `most` do; `changes` says which places differ from the
    next. There must be more than that many of both together.
    """
    low = [0, *(_places(changes, most, 256) + 1).tolist()]
    high = (len(ordered) - 1 - _places(changes[::-1], most, 256)[::-1]).tolist()
    return low, [*high, len(ordered)]


def extreme_places(values: Array, ordered: Array, most: int) -> tuple[Array, Array]:
    """The places of the `most` lowest values, lowest first, and of the highest, highest first; then in order of place.

    `ordered` are the values sorted, more than twice as many.
    """
    low, high = ordered[most - 1], ordered[-most]
    lowest, highest = np.flatnonzero(values <= low), np.flatnonzero(values >= high)
    lowest = np.concatenate([lowest[values[lowest] < low], lowest[values[lowest] == low][:most]])
    highest = np.concatenate([highest[values[highest] > high], highest[values[highest] == high][:most]])
    lowest = lowest[np.lexsort((lowest, values[lowest]))][:most]
    return lowest, highest[np.lexsort((highest, -values[highest]))][:most]


def _histogram(ascending: Array, sign: int) -> dict[int, int]:
    """The counts of positive sorted values by exponent."""
    if not len(ascending):
        return {}
    lowest, highest = (int(bits) >> _EXPONENT_BITS for bits in ascending[[0, -1]].view(np.uint64))
    edges = (np.arange(lowest + 1, highest + 1, dtype=np.uint64) << np.uint64(_EXPONENT_BITS)).view(np.float64)
    cuts = [0, *np.searchsorted(ascending, edges).tolist(), len(ascending)]
    return {sign | (lowest + at): cuts[at + 1] - cut for at, cut in enumerate(cuts[:-1]) if cuts[at + 1] > cut}


def _places(flags: Array, most: int, head: int) -> Array:
    """The first `most` places that are set; looked for in the `head` first."""
    found = np.flatnonzero(flags[:head])
    return (found if len(found) >= most else np.flatnonzero(flags))[:most]
