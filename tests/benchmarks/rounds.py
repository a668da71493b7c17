"""Contenders in turn, so that what else the machine does meets them all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeVar

T = TypeVar("T")


def medians(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of what each contender returns (a time in seconds), one call of each in every round.

    A first round, in which kernels are chosen and memory is taken, does not count.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, contender in contenders.items():
            seconds = contender()
            if turn:
                taken[name].append(seconds)
    return {name: median(values) for name, values in taken.items()}


def pairs(plain: Callable[[], T], other: Callable[[], T], count: int) -> list[tuple[T, T]]:
    """What two contenders return, (plain, other), in turn; which of them begins alternates.

    A first pair, in which graphs are traced and memory is taken, does not count.
    """
    found = []
    for turn in range(count + 1):
        if turn % 2:
            second, first = other(), plain()
        else:
            first, second = plain(), other()
        found.append((first, second))
    return found[1:]
