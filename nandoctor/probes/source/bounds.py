"""What functions that bound their argument, or are bounded themselves, make of what is known of it."""

from __future__ import annotations

import math
from dataclasses import replace

from nandoctor.probes.source.value import (
    ABOVE_ZERO,
    UNKNOWN,
    Arguments,
    Named,
    Transfer,
    Value,
    in_float32,
    joined,
    number,
    rising,
    within,
)


def bounded(low: float, high: float, made: str, *ends: float) -> Transfer:
    """A function with bounds that it rounds to where these are among `ends`; `made` is what it is called."""
    reaches = [(end, f"{made} rounds to {end:g}") for end in ends]
    return lambda _arguments, _named: within(low, high, reaches)


def relu(arguments: Arguments, _named: Named) -> Value:
    """The positive part."""
    first = arguments[0]
    return within(max(first.low, 0.0), max(first.high, 0.0), [(0.0, "a ReLU gives 0")], made_by="relu")


def magnitude(arguments: Arguments, _named: Named) -> Value:
    """The absolute value."""
    first = arguments[0]
    zero = [reach for reach in first.reaches if reach[0] == 0.0]
    return within(0.0 if first.low <= 0 else first.low, max(abs(first.low), abs(first.high)), zero)


def maximum(arguments: Arguments, _named: Named) -> Value:
    """The larger of two; a constant that is 0 in float32 keeps nothing away from 0."""
    left, right = arguments[0], arguments[1] if len(arguments) > 1 else UNKNOWN
    low = max(left.low, right.low)
    constants = [one.constant for one in (left, right) if one.constant is not None]
    reaches = [(point, f"the maximum with {point:g} is {point:g}") for point in constants if in_float32(point) == 0.0]
    if low != 0.0 and in_float32(low) == 0.0 and constants:
        return within(0.0, max(left.high, right.high), [(0.0, f"{low:g} is 0 in float32")], made_by="maximum")
    return within(low, max(left.high, right.high), reaches, made_by="maximum" if reaches else None)


def minimum(arguments: Arguments, _named: Named) -> Value:
    """The smaller of two."""
    left, right = arguments[0], arguments[1] if len(arguments) > 1 else UNKNOWN
    return within(min(left.low, right.low), min(left.high, right.high), (*left.reaches, *right.reaches))


def clip(arguments: Arguments, named: Named) -> Value:
    """Within the bounds; a bound so close to 1 that float32 rounds it to 1 is none."""
    given = list(arguments[1:3])
    lower = given[0] if given else _first_of(named, "clip_value_min", "min_value", "x_min", "a_min", "min")
    upper = given[1] if len(given) > 1 else _first_of(named, "clip_value_max", "max_value", "x_max", "a_max", "max")
    reaches = [(end, f"clipping lets {end:g} through") for end in (lower.constant, upper.constant) if end in (0.0, 1.0)]
    high = upper.high
    if upper.constant is not None and high != in_float32(high) == 1.0:
        reaches.append((1.0, f"the bound {high!r} is 1 in float32"))
        high = 1.0
    low = max(arguments[0].low, lower.low) if lower.low != -math.inf else arguments[0].low
    return within(low, max(low, high), [reach for reach in reaches if reach is not None])


def _first_of(named: Named, *names: str) -> Value:
    return next((named[name] for name in names if name in named), UNKNOWN)


def where(arguments: Arguments, _named: Named) -> Value:
    """One of two; where one is a positive constant, the other one is taken to be left out where it would do harm."""
    if len(arguments) < 3:
        return UNKNOWN
    one, other = arguments[1], arguments[2]
    for constant, chosen in ((one, other), (other, one)):
        if constant.constant is not None and constant.constant > 0 and chosen.low <= 0:
            return replace(joined([one, other]), low=ABOVE_ZERO, reaches=(), made_by="guard")
    return joined([one, other])


def square_root(arguments: Arguments, _named: Named) -> Value:
    """What the root is taken of is told, too: that of a sum vanishes as the sum does, that of a setting does not."""
    root = rising(arguments[0], lambda x: math.inf if x == math.inf else math.sqrt(max(x, 0.0)))
    return replace(root, made_by=arguments[0].made_by)


def logarithm(value: Value) -> Value:
    """The logarithm of a positive value; unknown below."""
    low, high = (
        math.log(end) if 0 < end < math.inf else -math.inf if end <= 0 else math.inf for end in (value.low, value.high)
    )
    return within(low, high)


def uniform(arguments: Arguments, named: Named) -> Value:
    """Random numbers from `minval` on, which may be drawn itself."""
    low = arguments[1] if len(arguments) > 1 else named.get("minval", number(0.0))
    high = arguments[2] if len(arguments) > 2 else named.get("maxval", number(1.0))
    reaches = (
        [(low.constant, f"it draws from {low.constant:g} on, and {low.constant:g} itself")] if low.constant == 0 else []
    )
    return within(low.low, high.high, reaches, made_by="uniform")
