"""What exact arithmetic on an origin's operands would have given: tells an overflow of the dtype from one of any."""

from __future__ import annotations

import math
from collections.abc import Callable

from nandoctor.facts.origin import Operand, Origin
from nandoctor.stats import DTYPE_LIMITS

PRODUCTS = frozenset({"Mul", "Square", "SquaredDifference", "Pow", "Prod", "Cumprod"})
CONTRACTIONS = frozenset(
    {
        "MatMul",
        "BatchMatMul",
        "BatchMatMulV2",
        "BatchMatMulV3",
        "Einsum",
        "Conv2D",
        "Conv3D",
        "DepthwiseConv2dNative",
        "Conv2DBackpropInput",
        "Conv2DBackpropFilter",
        "Conv3DBackpropInputV2",
        "Conv3DBackpropFilterV2",
        "DepthwiseConv2dNativeBackpropInput",
        "DepthwiseConv2dNativeBackpropFilter",
    }
)
SUMS = frozenset(
    {"Add", "AddV2", "AddN", "Sub", "BiasAdd", "Sum", "Mean", "Cumsum", "BiasAddGrad", "L2Loss", "AvgPool"}
)
DIVISIONS = frozenset({"RealDiv", "Div", "Reciprocal", "Inv", "Xdivy", "FloorDiv", "FloorMod", "Mod", "TruncateDiv"})
EXPONENTIALS = frozenset({"Exp", "Expm1", "Cosh", "Sinh"})


def exact_bound(origin: Origin) -> float | None:
    """An upper bound of the magnitude of the exact result at fault, intermediate sums included.

    It is `inf` above float64, and None for an op whose bound is not known or with an operand that is not finite.
    """
    operands = origin.floats or origin.operands
    if not operands or any(operand.blamed.nonfinite for operand in operands):
        return None
    bound = _BOUNDS.get(origin.ran)
    if bound is None and origin.ran in CONTRACTIONS:
        bound = _contraction
    if bound is None:
        return None
    try:
        return bound(operands)
    except (OverflowError, ZeroDivisionError):
        return math.inf


def overflows(origin: Origin) -> bool:
    """Whether finite operands gave a result too large for the output's dtype, wide or narrow."""
    limits = DTYPE_LIMITS.get(origin.output_dtype)
    if limits is None or not origin.from_finite or not origin.output.nonfinite:
        return False
    bound = exact_bound(origin)
    return bound is not None and bound > limits.largest


def narrow_overflow(origin: Origin) -> bool:
    """Whether the overflow is that of a half or bfloat16 result which float32 would have held."""
    bound = exact_bound(origin)
    narrow = origin.output_dtype in ("float16", "bfloat16")
    return narrow and overflows(origin) and bound is not None and bound <= DTYPE_LIMITS["float32"].largest


def largest_number(dtype: str) -> float:
    """The largest finite number of a floating dtype (float32's for another dtype)."""
    return DTYPE_LIMITS.get(dtype, DTYPE_LIMITS["float32"]).largest


def _magnitudes(operands: tuple[Operand, ...]) -> list[float]:
    return [operand.blamed.max_abs for operand in operands]


def _total(operands: tuple[Operand, ...]) -> float:
    return operands[0].stats.count * operands[0].stats.max_abs


def _contraction(operands: tuple[Operand, ...]) -> float:
    """Each result sums at most as many products as the smaller operand has values."""
    terms = min(operand.stats.count for operand in operands)
    return terms * math.prod(operand.stats.max_abs for operand in operands)


def _quotient(operands: tuple[Operand, ...]) -> float:
    numerator = operands[0].blamed.max_abs if len(operands) > 1 else 1.0
    return numerator / operands[-1].smallest


def _power(operands: tuple[Operand, ...]) -> float:
    base, exponent = operands[0], operands[-1].blamed
    largest = base.blamed.max_abs
    ends = (exponent.minimum or 0.0, exponent.maximum or 0.0)
    return max(float(magnitude**end) for magnitude in (largest, base.smallest) if magnitude > 0 for end in ends)


_BOUNDS: dict[str, Callable[[tuple[Operand, ...]], float]] = {
    "Exp": lambda operands: math.exp(operands[0].blamed.maximum or 0.0),
    "Expm1": lambda operands: math.exp(operands[0].blamed.maximum or 0.0),
    "Cosh": lambda operands: math.cosh(operands[0].blamed.max_abs),
    "Sinh": lambda operands: math.cosh(operands[0].blamed.max_abs),
    "Cast": lambda operands: operands[0].blamed.max_abs,
    "Mul": lambda operands: math.prod(_magnitudes(operands)),
    "Square": lambda operands: math.prod(_magnitudes(operands) * 2),
    "SquaredDifference": lambda operands: math.prod([sum(_magnitudes(operands))] * 2),
    "Add": lambda operands: sum(_magnitudes(operands)),
    "AddV2": lambda operands: sum(_magnitudes(operands)),
    "AddN": lambda operands: sum(_magnitudes(operands)),
    "Sub": lambda operands: sum(_magnitudes(operands)),
    "BiasAdd": lambda operands: sum(_magnitudes(operands)),
    "RealDiv": _quotient,
    "Div": _quotient,
    "Reciprocal": _quotient,
    "Inv": _quotient,
    "Xdivy": _quotient,
    "Pow": _power,
    "Sum": _total,
    "Mean": _total,
    "Cumsum": _total,
    "AvgPool": _total,
    "BiasAddGrad": _total,
    "L2Loss": lambda operands: operands[0].stats.count * operands[0].stats.max_abs ** 2,
    "Prod": lambda operands: operands[0].stats.max_abs ** operands[0].stats.count,
    "Cumprod": lambda operands: operands[0].stats.max_abs ** operands[0].stats.count,
}
