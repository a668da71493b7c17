"""What is known of a number or tensor without computing it: a range, and values that it is known to take."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

ABOVE_ZERO = 5e-324
"""The low end of what is positive, however small."""

SMALL = 1e-2
"""What is called epsilon is taken to lie in 1e-12..1e-2."""

LARGEST = frozenset({"reduce_max", "max", "amax", "reduce_logsumexp", "logsumexp"})
SMALLEST = frozenset({"reduce_min", "min", "amin"})
MEANS = frozenset({"reduce_mean", "mean"})
MEAN_OF_SQUARES = "mean of squares"
SQUARE_OF_MEAN = "square of a mean"

Reaches = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Value:
    """A range, the values in it that are known to be taken (with the reason), and where the value came from.

    `made_by` is as in `SourceOperand`. `exps` are the numbers of the unbounded exponentials that it is a sum of,
    `operations` those of all operations that went into it. `items` are the parts of a tuple. `tensor` says that
    TensorFlow or Keras computed it, `whole` that it is a sum (or norm) over everything, not along an axis.
    """

    low: float = -math.inf
    high: float = math.inf
    reaches: Reaches = ()
    made_by: str | None = None
    exps: frozenset[int] = frozenset()
    operations: frozenset[int] = frozenset()
    items: tuple[Value, ...] = ()
    tensor: bool = False
    whole: bool = False

    @property
    def constant(self) -> float | None:
        """The number, where there is only one that it can be."""
        return self.low if self.low == self.high else None

    @property
    def unbounded(self) -> bool:
        """Whether nothing at all is known of the range."""
        return self.low == -math.inf and self.high == math.inf


Arguments = Sequence[Value]
Named = Mapping[str, Value]
Transfer = Callable[[Arguments, Named], Value]
"""What a function makes of what is known of its arguments, by place and by name."""

UNKNOWN = Value()
EPSILON = Value(1e-12, SMALL, made_by="epsilon")
SIZE = Value(1.0, math.inf, made_by="size")


def number(value: float) -> Value:
    """A constant."""
    return Value(value, value)


def in_float32(value: float) -> float:
    """The number as float32 holds it."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def within(low: float, high: float, reaches: Iterable[tuple[float, str]] = (), made_by: str | None = None) -> Value:
    """A value of that range, with those of `reaches` that lie in it; what is not known of an end is NaN or infinite."""
    low = -math.inf if math.isnan(low) else low
    high = math.inf if math.isnan(high) else high
    return Value(low, high, tuple((point, why) for point, why in reaches if low <= point <= high), made_by)


def guarded(value: Value) -> Value:
    """The value, taken to be kept above 0 by something that was put there for it."""
    return replace(value, low=max(value.low, ABOVE_ZERO), high=max(value.high, ABOVE_ZERO), reaches=(), made_by="guard")


def joined(values: Iterable[Value]) -> Value:
    """What is known of a value that is one of these."""
    parts = list(values)
    if not parts:
        return UNKNOWN
    makers = {part.made_by for part in parts}
    return Value(
        min(part.low for part in parts),
        max(part.high for part in parts),
        tuple(dict(reach for part in parts for reach in part.reaches).items()),
        made_by=makers.pop() if len(makers) == 1 else None,
        exps=frozenset().union(*(part.exps for part in parts)),
        operations=frozenset().union(*(part.operations for part in parts)),
        tensor=any(part.tensor for part in parts),
    )


def plus(left: Value, right: Value) -> Value:
    """The sum; an epsilon, or a positive constant, that is added to what may be negative is taken for a guard."""
    for one, other in ((left, right), (right, left)):
        if _guards(one, other):
            return _of(guarded(replace(other, high=other.high + one.high)), left, right)
    reaches = (*_shifted(left, right), *_shifted(right, left))
    return _of(within(left.low + right.low, left.high + right.high, reaches), left, right, exps=left.exps | right.exps)


def minus(left: Value, right: Value) -> Value:
    """The difference. What the largest value is taken from is at most 0, and so on."""
    if left.made_by in LARGEST and right.made_by in SMALLEST:
        return _of(
            within(0.0, math.inf, [(0.0, "the largest and the smallest of equal values are the same")]), left, right
        )
    if left.made_by == MEAN_OF_SQUARES and right.made_by == SQUARE_OF_MEAN:
        why = "a variance as a difference of means rounds to 0 and below"
        return _of(within(-math.inf, math.inf, [(0.0, why)]), left, right)
    reaches = (*_shifted(left, negative(right)), *_shifted(negative(right), left))
    low, high = left.low - right.high, left.high - right.low
    if right.made_by in LARGEST and left.constant is None:
        high = min(high, 0.0)
    elif left.made_by in LARGEST and right.constant is None:
        low = max(low, 0.0)
    of_values = left.constant is None and right.constant is None
    return _of(within(low, high, reaches, "difference" if of_values else None), left, right)


def times(left: Value, right: Value) -> Value:
    """The product; where one factor is known to be 0 somewhere, so is the product."""
    corners = [_product(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
    low, high = min(corners), max(corners)
    if left.low > 0 and right.low > 0:
        low = max(low, ABOVE_ZERO)
    zero = [reach for one in (left, right) for reach in one.reaches if reach[0] == 0.0]
    return _of(within(low, high, zero[:1]), left, right)


def over(left: Value, right: Value) -> Value:
    """The quotient."""
    if right.low >= 0:
        zero = [reach for reach in left.reaches if reach[0] == 0.0]
        low = -math.inf if left.low < 0 else 0.0
        high = math.inf if left.high > 0 else 0.0
        if left.low > 0:
            low = ABOVE_ZERO
        if left.constant is not None and right.constant:
            low = high = left.constant / right.constant
        return _of(within(low, high, zero), left, right)
    return _of(UNKNOWN, left, right)


def negative(value: Value) -> Value:
    """The value with its sign turned."""
    return replace(
        value, low=-value.high, high=-value.low, reaches=tuple((-point, why) for point, why in value.reaches)
    )


def squared(value: Value) -> Value:
    """The square, or any even power."""
    largest = max(abs(value.low), abs(value.high))
    smallest = 0.0 if value.low <= 0 <= value.high else min(abs(value.low), abs(value.high))
    low = max(_power(smallest, 2), ABOVE_ZERO) if smallest > 0 else 0.0
    zero = [reach for reach in value.reaches if reach[0] == 0.0]
    made_by = SQUARE_OF_MEAN if value.made_by in MEANS else "square"
    return _of(within(low, _power(largest, 2), zero, made_by), value)


def to_power(base: Value, exponent: float | None) -> Value:
    """A constant power; unknown where the exponent is."""
    if exponent is None:
        return _of(replace(UNKNOWN, low=0.0 if base.low >= 0 else -math.inf), base)
    if exponent == int(exponent) and int(exponent) % 2 == 0 and exponent > 0:
        return squared(base)
    if base.low < 0 or exponent < 0:
        return _of(UNKNOWN if base.low <= 0 else within(ABOVE_ZERO, math.inf), base)
    return rising(base, lambda x: _power(x, exponent))


def rising(value: Value, function: Callable[[float], float]) -> Value:
    """The value of a function that rises with its argument and takes 0 to 0."""
    low, high = function(value.low), function(value.high)
    low = max(low, ABOVE_ZERO) if value.low > 0 else low
    return _of(within(low, high, [reach for reach in value.reaches if reach[0] == 0.0]), value)


def exponential(value: Value) -> Value:
    """e to the value: positive."""
    return _of(within(max(_exp(value.low), ABOVE_ZERO), max(_exp(value.high), ABOVE_ZERO), made_by="exp"), value)


def _guards(one: Value, other: Value) -> bool:
    """Whether `one` is a positive number that float32 can hold, or an epsilon, added to what would else be unknown."""
    if other.low >= 0.0 or other.constant is not None:
        return False
    if one.constant is None:
        return one.made_by == "epsilon"
    known = any(point == -one.constant for point, _ in other.reaches)
    return in_float32(one.constant) > 0.0 and not known and (other.low == -math.inf or one.constant <= SMALL)


def _shifted(value: Value, by: Value) -> Reaches:
    if by.constant is None:
        return ()
    return tuple((point + by.constant, why) for point, why in value.reaches)


def _of(found: Value, *parts: Value, exps: frozenset[int] | None = None) -> Value:
    """The value with what its parts are made of."""
    return replace(
        found,
        exps=found.exps if exps is None else exps,
        operations=frozenset().union(*(part.operations for part in parts)),
        tensor=any(part.tensor for part in parts),
    )


def _product(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b


def _power(base: float, exponent: float) -> float:
    try:
        return math.inf if base == math.inf else base**exponent
    except OverflowError:
        return math.inf


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
