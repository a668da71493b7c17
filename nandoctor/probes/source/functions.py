"""What functions of tensors make of what is known of their arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from nandoctor.probes.source.bounds import (
    bounded,
    clip,
    logarithm,
    magnitude,
    maximum,
    minimum,
    relu,
    square_root,
    uniform,
    where,
)
from nandoctor.probes.source.reductions import extreme, mean, moments, norm, spread, total
from nandoctor.probes.source.value import (
    ABOVE_ZERO,
    EPSILON,
    SIZE,
    UNKNOWN,
    Arguments,
    Named,
    Transfer,
    Value,
    exponential,
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

_MASK_REACHES = ((0.0, "a mask is 0 where nothing is selected"), (1.0, "a mask is 1 where something is selected"))
MASK = within(0.0, 1.0, _MASK_REACHES, made_by="mask")
_SAME = frozenset(
    {"cast", "convert_to_tensor", "reshape", "squeeze", "expand_dims", "transpose", "identity"}
    | {"stop_gradient", "gather", "gather_nd", "broadcast_to", "repeat", "tile", "reverse", "roll"}
    | {"sort", "flatten", "ravel", "swapaxes", "moveaxis", "permute_dimensions", "boolean_mask", "array"}
    | {"asarray", "constant", "to_float", "float32", "float64", "int32", "concat", "concatenate", "stack"}
    | {"vstack", "hstack", "batch_flatten", "take", "slice", "flip", "cast_to_compute", "ensure_shape"}
    | {"ensure_tensor", "pad", "no_op", "StringLookup", "split", "unstack", "copy"}
)
_COMPARISONS = frozenset(
    {"equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "logical_and"}
    | {"logical_or", "logical_not", "logical_xor", "is_nan", "isnan", "is_inf", "isinf", "is_finite"}
    | {"isfinite", "sequence_mask", "one_hot", "to_categorical", "in_top_k", "isclose"}
)
_UNSIGNED_LOSSES = frozenset(
    {"mean_squared_error", "mse", "mean_absolute_error", "mae", "squared_difference"}
    | {"sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits"}
    | {"sparse_softmax_cross_entropy_with_logits", "categorical_crossentropy"}
    | {"sparse_categorical_crossentropy", "binary_crossentropy", "squared_hinge", "hinge", "l2_loss"}
)


def transfer(name: str, arguments: Arguments, named: Named) -> Value:
    """What is known of the result of the function of that bare name (`reduce_sum`)."""
    first = arguments[0] if arguments else next(iter(named.values()), UNKNOWN)
    if name in _SAME:
        return _of_same(name, first)
    if name in _COMPARISONS:
        return MASK
    if name in _UNSIGNED_LOSSES:
        return within(0.0, math.inf, made_by=name)
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


_WITHOUT_ARGUMENTS = frozenset({"epsilon"})
TRANSFERS: Mapping[str, Transfer] = {
    "sigmoid": bounded(0.0, 1.0, "a sigmoid", 0.0, 1.0),
    "hard_sigmoid": bounded(0.0, 1.0, "a hard sigmoid", 0.0, 1.0),
    "softmax": bounded(0.0, 1.0, "a softmax", 0.0, 1.0),
    "tanh": bounded(-1.0, 1.0, "a tanh", -1.0, 1.0),
    "erf": bounded(-1.0, 1.0, "erf", -1.0, 1.0),
    "sin": bounded(-1.0, 1.0, "a sine"),
    "cos": bounded(-1.0, 1.0, "a cosine"),
    "softplus": bounded(ABOVE_ZERO, math.inf, "softplus"),
    "cosh": bounded(1.0, math.inf, "cosh"),
    "log_softmax": bounded(-math.inf, 0.0, "a log-softmax"),
    "log_sigmoid": bounded(-math.inf, 0.0, "a log-sigmoid"),
    "relu": relu,
    "relu6": relu,
    "abs": magnitude,
    "absolute": magnitude,
    "sum": total,
    "reduce_sum": total,
    "add_n": total,
    "mean": mean,
    "reduce_mean": mean,
    "max": extreme,
    "reduce_max": extreme,
    "amax": extreme,
    "min": extreme,
    "reduce_min": extreme,
    "amin": extreme,
    "maximum": maximum,
    "minimum": minimum,
    "clip_by_value": clip,
    "clip": clip,
    "where": where,
    "std": spread,
    "var": spread,
    "reduce_std": spread,
    "reduce_variance": spread,
    "moments": moments,
    "norm": norm,
    "euclidean_norm": norm,
    "reduce_euclidean_norm": norm,
    "square": lambda arguments, _: squared(arguments[0]),
    "sqrt": square_root,
    "exp": lambda arguments, _: exponential(arguments[0]),
    "expm1": lambda arguments, _: minus(exponential(arguments[0]), number(1.0)),
    "log": lambda arguments, _: logarithm(arguments[0]),
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
    "eye": bounded(0.0, 1.0, "an identity matrix"),
    "shape": lambda _arguments, _named: SIZE,
    "size": lambda _arguments, _named: SIZE,
    "rank": lambda _arguments, _named: SIZE,
    "ndim": lambda _arguments, _named: SIZE,
    "int_shape": lambda _arguments, _named: SIZE,
    "epsilon": lambda _arguments, _named: EPSILON,
    "uniform": uniform,
    "random_uniform": uniform,
    "count_nonzero": lambda _arguments, _named: within(0.0, math.inf),
}
