"""What functions of tensors make of what is known of their arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from nandoctor.probes.source.value import (
    ABOVE_ZERO,
    EPSILON,
    MEAN_OF_SQUARES,
    SIZE,
    UNKNOWN,
    Value,
    exponential,
    in_float32,
    joined,
    minus,
    negative,
    number,
    over,
    plus,
    rising,
    squared,
    times,
    to_power,
    within,
)

Arguments = Sequence[Value]
Named = Mapping[str, Value]
Transfer = Callable[[Arguments, Named], Value]

_FREE = math.inf
_MASK_REACHES = ((0.0, "a mask is 0 where nothing is selected"), (1.0, "a mask is 1 where something is selected"))
MASK = within(0.0, 1.0, _MASK_REACHES, made_by="mask")
# Sums of these are 0 where every one of them is; that a mask is empty is up to the data.
_VANISHING = frozenset({"relu", "square", "maximum", MEAN_OF_SQUARES})
_SAME = frozenset(
    [
        "cast",
        "convert_to_tensor",
        "reshape",
        "squeeze",
        "expand_dims",
        "transpose",
        "identity",
        "stop_gradient",
        "gather",
        "gather_nd",
        "broadcast_to",
        "repeat",
        "tile",
        "reverse",
        "roll",
        "sort",
        "flatten",
        "ravel",
        "swapaxes",
        "moveaxis",
        "permute_dimensions",
        "boolean_mask",
        "array",
        "asarray",
        "constant",
        "to_float",
        "float32",
        "float64",
        "int32",
        "concat",
        "concatenate",
        "stack",
        "vstack",
        "hstack",
        "batch_flatten",
        "take",
        "slice",
        "flip",
        "cast_to_compute",
        "ensure_shape",
        "ensure_tensor",
        "pad",
        "no_op",
        "StringLookup",
        "split",
        "unstack",
        "copy",
    ]
)
_COMPARISONS = frozenset(
    [
        "equal",
        "not_equal",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "logical_and",
        "logical_or",
        "logical_not",
        "logical_xor",
        "is_nan",
        "isnan",
        "is_inf",
        "isinf",
        "is_finite",
        "isfinite",
        "sequence_mask",
        "one_hot",
        "to_categorical",
        "in_top_k",
        "isclose",
    ]
)
_UNSIGNED_LOSSES = frozenset(
    [
        "mean_squared_error",
        "mse",
        "mean_absolute_error",
        "mae",
        "squared_difference",
        "sigmoid_cross_entropy_with_logits",
        "softmax_cross_entropy_with_logits",
        "sparse_softmax_cross_entropy_with_logits",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "binary_crossentropy",
        "squared_hinge",
        "hinge",
        "l2_loss",
    ]
)


def transfer(name: str, arguments: Arguments, named: Named) -> Value:
    """What is known of the result of the function of that bare name (`reduce_sum`)."""
    first = arguments[0] if arguments else next(iter(named.values()), UNKNOWN)
    if name in _SAME:
        return _of_same(name, first)
    if name in _COMPARISONS:
        return MASK
    if name in _UNSIGNED_LOSSES:
        return within(0.0, _FREE, made_by=name)
    known = TRANSFERS.get(name)
    if known is None or not (arguments or name in _WITHOUT_ARGUMENTS):
        return replace(UNKNOWN, made_by=name)
    found = known(arguments, named)
    return found if found.made_by else replace(found, made_by=name)


def _of_same(name: str, first: Value) -> Value:
    """What is passed on: of a tuple that is put together the parts' common range."""
    if name in ("concat", "concatenate", "stack", "vstack", "hstack") and first.items:
        return joined(first.items)
    return replace(first, items=())


def _bounded(low: float, high: float, made: str, *ends: float) -> Transfer:
    reaches = [(end, f"{made} rounds to {end:g}") for end in ends]
    return lambda _arguments, _named: within(low, high, reaches)


def _relu(arguments: Arguments, _named: Named) -> Value:
    first = arguments[0]
    return within(max(first.low, 0.0), max(first.high, 0.0), [(0.0, "a ReLU gives 0")], made_by="relu")


def _abs(arguments: Arguments, _named: Named) -> Value:
    first = arguments[0]
    zero = [reach for reach in first.reaches if reach[0] == 0.0]
    return within(0.0 if first.low <= 0 else first.low, max(abs(first.low), abs(first.high)), zero)


def _sum(arguments: Arguments, _named: Named) -> Value:
    """A sum is as positive as its terms; it vanishes where all of them can."""
    first = arguments[0]
    if first.items:
        first = joined(first.items)
    low, high = (first.low if first.low >= 0 else -_FREE), (first.high if first.high <= 0 else _FREE)
    return replace(within(low, high, _vanishing(first)), exps=first.exps)


def _mean(arguments: Arguments, _named: Named) -> Value:
    first = arguments[0]
    made_by = MEAN_OF_SQUARES if first.made_by == "square" else None
    return replace(within(first.low, first.high, _vanishing(first), made_by), exps=first.exps)


def _vanishing(terms: Value) -> list[tuple[float, str]]:
    if terms.low != 0.0 or terms.made_by not in _VANISHING:
        return []
    of_what = {"relu": "ReLUs that all give 0", "square": "zeros"}.get(terms.made_by, "zeros")
    return [(0.0, f"the sum over {of_what} is 0")]


def _extreme(arguments: Arguments, _named: Named) -> Value:
    return _sum(arguments, _named) if arguments[0].made_by in _VANISHING else replace(arguments[0], made_by=None)


def _maximum(arguments: Arguments, _named: Named) -> Value:
    left, right = arguments[0], arguments[1] if len(arguments) > 1 else UNKNOWN
    low = max(left.low, right.low)
    constants = [one.constant for one in (left, right) if one.constant is not None]
    reaches = [(point, f"the maximum with {point:g} is {point:g}") for point in constants if in_float32(point) == 0.0]
    if low != 0.0 and in_float32(low) == 0.0 and constants:
        return within(0.0, max(left.high, right.high), [(0.0, f"{low:g} is 0 in float32")], made_by="maximum")
    return within(low, max(left.high, right.high), reaches, made_by="maximum" if reaches else None)


def _minimum(arguments: Arguments, _named: Named) -> Value:
    left, right = arguments[0], arguments[1] if len(arguments) > 1 else UNKNOWN
    return within(min(left.low, right.low), min(left.high, right.high), (*left.reaches, *right.reaches))


def _clip(arguments: Arguments, named: Named) -> Value:
    """Within the bounds; a bound so close to 1 that float32 rounds it to 1 is none."""
    given = list(arguments[1:3])
    lower = given[0] if given else _first_of(named, "clip_value_min", "min_value", "x_min", "a_min", "min")
    upper = given[1] if len(given) > 1 else _first_of(named, "clip_value_max", "max_value", "x_max", "a_max", "max")
    reaches = [(end, f"clipping lets {end:g} through") for end in (lower.constant, upper.constant) if end in (0.0, 1.0)]
    high = upper.high
    if upper.constant is not None and high != in_float32(high) == 1.0:
        reaches.append((1.0, f"the bound {high!r} is 1 in float32"))
        high = 1.0
    low = max(arguments[0].low, lower.low) if lower.low != -_FREE else arguments[0].low
    return within(low, max(low, high), [reach for reach in reaches if reach is not None])


def _first_of(named: Named, *names: str) -> Value:
    return next((named[name] for name in names if name in named), UNKNOWN)


def _where(arguments: Arguments, _named: Named) -> Value:
    """One of two; where one is a positive constant, the other one is taken to be left out where it would do harm."""
    if len(arguments) < 3:
        return UNKNOWN
    one, other = arguments[1], arguments[2]
    for constant, chosen in ((one, other), (other, one)):
        if constant.constant is not None and constant.constant > 0 and chosen.low <= 0:
            return replace(joined([one, other]), low=ABOVE_ZERO, reaches=(), made_by="guard")
    return joined([one, other])


def _sqrt(arguments: Arguments, _named: Named) -> Value:
    """What the root is taken of is told, too: that of a sum vanishes as the sum does, that of a setting does not."""
    root = rising(arguments[0], lambda x: math.inf if x == math.inf else math.sqrt(max(x, 0.0)))
    return replace(root, made_by=arguments[0].made_by)


def _logarithm(value: Value) -> Value:
    low, high = (math.log(end) if 0 < end < _FREE else -_FREE if end <= 0 else _FREE for end in (value.low, value.high))
    return within(low, high)


def _spread(_arguments: Arguments, _named: Named) -> Value:
    return within(0.0, _FREE, [(0.0, "the spread of equal values is 0")])


def _norm(_arguments: Arguments, _named: Named) -> Value:
    return within(0.0, _FREE, [(0.0, "the norm of zeros is 0")])


def _moments(arguments: Arguments, named: Named) -> Value:
    return replace(UNKNOWN, items=(replace(UNKNOWN, made_by="reduce_mean"), _spread(arguments, named)))


def _uniform(arguments: Arguments, named: Named) -> Value:
    low = arguments[1] if len(arguments) > 1 else named.get("minval", number(0.0))
    high = arguments[2] if len(arguments) > 2 else named.get("maxval", number(1.0))
    reaches = (
        [(low.constant, f"it draws from {low.constant:g} on, and {low.constant:g} itself")] if low.constant == 0 else []
    )
    return within(low.low, high.high, reaches, made_by="uniform")


_WITHOUT_ARGUMENTS = frozenset({"epsilon"})
TRANSFERS: Mapping[str, Transfer] = {
    "sigmoid": _bounded(0.0, 1.0, "a sigmoid", 0.0, 1.0),
    "hard_sigmoid": _bounded(0.0, 1.0, "a hard sigmoid", 0.0, 1.0),
    "softmax": _bounded(0.0, 1.0, "a softmax", 0.0, 1.0),
    "tanh": _bounded(-1.0, 1.0, "a tanh", -1.0, 1.0),
    "erf": _bounded(-1.0, 1.0, "erf", -1.0, 1.0),
    "sin": _bounded(-1.0, 1.0, "a sine"),
    "cos": _bounded(-1.0, 1.0, "a cosine"),
    "softplus": _bounded(ABOVE_ZERO, _FREE, "softplus"),
    "cosh": _bounded(1.0, _FREE, "cosh"),
    "log_softmax": _bounded(-_FREE, 0.0, "a log-softmax"),
    "log_sigmoid": _bounded(-_FREE, 0.0, "a log-sigmoid"),
    "relu": _relu,
    "relu6": _relu,
    "abs": _abs,
    "absolute": _abs,
    "sum": _sum,
    "reduce_sum": _sum,
    "add_n": _sum,
    "mean": _mean,
    "reduce_mean": _mean,
    "max": _extreme,
    "reduce_max": _extreme,
    "amax": _extreme,
    "min": _extreme,
    "reduce_min": _extreme,
    "amin": _extreme,
    "maximum": _maximum,
    "minimum": _minimum,
    "clip_by_value": _clip,
    "clip": _clip,
    "where": _where,
    "std": _spread,
    "var": _spread,
    "reduce_std": _spread,
    "reduce_variance": _spread,
    "moments": _moments,
    "norm": _norm,
    "euclidean_norm": _norm,
    "reduce_euclidean_norm": _norm,
    "square": lambda arguments, _: squared(arguments[0]),
    "sqrt": _sqrt,
    "exp": lambda arguments, _: exponential(arguments[0]),
    "expm1": lambda arguments, _: minus(exponential(arguments[0]), number(1.0)),
    "log": lambda arguments, _: _logarithm(arguments[0]),
    "log1p": lambda arguments, _: rising(arguments[0], lambda x: math.log1p(x) if x > -1 else -math.inf),
    "negative": lambda arguments, _: negative(arguments[0]),
    "add": lambda arguments, _: plus(*arguments[:2]) if len(arguments) > 1 else UNKNOWN,
    "subtract": lambda arguments, _: minus(*arguments[:2]) if len(arguments) > 1 else UNKNOWN,
    "multiply": lambda arguments, _: times(*arguments[:2]) if len(arguments) > 1 else UNKNOWN,
    "divide": lambda arguments, _: over(*arguments[:2]) if len(arguments) > 1 else UNKNOWN,
    "pow": lambda arguments, _: to_power(arguments[0], arguments[1].constant) if len(arguments) > 1 else UNKNOWN,
    "ones": lambda _arguments, _named: number(1.0),
    "ones_like": lambda _arguments, _named: number(1.0),
    "zeros": lambda _arguments, _named: number(0.0),
    "zeros_like": lambda _arguments, _named: number(0.0),
    "eye": _bounded(0.0, 1.0, "an identity matrix"),
    "shape": lambda _arguments, _named: SIZE,
    "size": lambda _arguments, _named: SIZE,
    "rank": lambda _arguments, _named: SIZE,
    "ndim": lambda _arguments, _named: SIZE,
    "int_shape": lambda _arguments, _named: SIZE,
    "epsilon": lambda _arguments, _named: EPSILON,
    "uniform": _uniform,
    "random_uniform": _uniform,
    "count_nonzero": lambda _arguments, _named: within(0.0, _FREE),
}
