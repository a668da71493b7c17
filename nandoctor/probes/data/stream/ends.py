"""The lowest and highest of many different values, found without sorting all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nandoctor.facts.data import MOST_CELLS
from nandoctor.probes.data.column import DISTINCT_VALUES, highest_places, lowest_places
from nandoctor.stats import Array

Counts = tuple[tuple[float, int], ...]
_SAMPLE = 2048
# Sorting is faster than looking at more than one value in so many (measured).
_FEW = 8


@dataclass(frozen=True)
class Ends:
    """The places of the 16 lowest values, lowest first, and of the highest, highest first, then in order of place; and
    the 16 lowest and highest distinct values, ascending, each with how many there are.
    """

    lowest: Array
    highest: Array
    low_values: Counts
    high_values: Counts


def ends_of_many(values: Array) -> Ends | None:
    """The ends of finite floats (1-D); None where a look at 2,048 of them does not show more than 1,000 distinct ones.

    None, too, where many are at the ends: what has to be looked at is beyond the sixteenth distinct value of the 2,048.
    """
    sample = np.sort(values[:: max(1, len(values) // _SAMPLE)])
    changes = np.flatnonzero(sample[1:] != sample[:-1])
    if len(changes) < DISTINCT_VALUES:
        return None
    low = np.flatnonzero(values <= sample[changes[MOST_CELLS - 1]])
    high = np.flatnonzero(values >= sample[changes[-MOST_CELLS] + 1])
    if len(low) + len(high) > len(values) // _FEW:
        return None
    lowest, highest = values[low], values[high]
    up, down = np.argsort(lowest, kind="stable"), np.argsort(-highest, kind="stable")
    ascending, descending = lowest[up], highest[down]
    first, last = run_starts(ascending), run_starts(descending)
    return Ends(
        low[up[:MOST_CELLS]],
        high[down[:MOST_CELLS]],
        counted(ascending, first[: MOST_CELLS + 1]),
        counted(descending, last[: MOST_CELLS + 1])[::-1],
    )


def ends_of_ordered(values: Array, ordered: Array, starts: list[int]) -> Ends:
    """The same of any finite values, which `ordered` are sorted; `starts` as `run_starts` finds them there."""
    return Ends(
        lowest_places(values, ordered, True),
        highest_places(values, ordered, True),
        counted(ordered, starts[: MOST_CELLS + 1]),
        counted(ordered, starts[-MOST_CELLS - 1 :]),
    )


def run_starts(ordered: Array) -> list[int]:
    """Where each distinct value begins in sorted values, and their length."""
    return [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(ordered)]


def counted(ordered: Array, starts: list[int]) -> Counts:
    """The values that begin at all but the last of these places, and how many there are of each."""
    # Adding 0.0 makes -0.0 plain 0.
    values = (ordered[starts[:-1]].astype(np.float64) + 0.0).tolist()
    return tuple((value, end - start) for value, start, end in zip(values, starts[:-1], starts[1:], strict=True))
