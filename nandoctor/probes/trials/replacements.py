"""What an op is replaced by: the same op on an argument that it can deal with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from nandoctor.probes.trials.differentiation import Replacement, Site
from nandoctor.stats import DTYPE_LIMITS

MASK = 1e9
MASK_IN_FLOAT16 = 6e4
INSIDE = 1e-6
UNDER_ROOT = 1e-12


@dataclass(frozen=True)
class Edit:
    """A replacement, and how a person writes it."""

    tried: str
    run: Replacement


def edits(remedy: str, op_type: str, dtype: str) -> tuple[Edit, ...]:
    """What the remedy of that id means for an op of that type, the mildest first; empty where it means nothing."""
    small = 1e-3 if dtype == "float16" else INSIDE
    match remedy:
        case "clip-argument" if op_type in ("Exp", "Expm1", "Sinh", "Cosh"):
            highest = math.floor(math.log(DTYPE_LIMITS[dtype].largest))
            return tuple(_bounded(op_type, bound) for bound in dict.fromkeys((min(highest // 2, 20), highest)))
        case "scale-argument" if op_type in ("Sinh", "Cosh"):
            return edits("clip-argument", op_type, dtype)
        case "clip-argument" | "positive-base" | "epsilon" | "signed-epsilon" | "divide-no-nan" | "divisor-one":
            return _guarded(remedy, op_type, small)
        case "epsilon-under-root":
            return (_on(f"sqrt(x + {UNDER_ROOT:g})", lambda x: x + UNDER_ROOT),) if op_type == "Sqrt" else ()
        case "double-where":
            return (Edit(f"where(ok, {op_type}(where(ok, x, 1)), 0)", _double_where),)
        case "select-instead" | "multiply-no-nan":
            text = "multiply_no_nan(x, y)" if remedy == "multiply-no-nan" else "where(mask, x, 0)"
            return (Edit(text, _product_without_nan),) if op_type == "Mul" else ()
        case "finite-mask" | "cure-infinity" | "keep-one":
            mask = MASK_IN_FLOAT16 if dtype == "float16" else MASK
            return (Edit(f"{op_type} with Inf taken for {mask:g}", _finite(mask)),)
        case "sum-of-logarithms" if op_type == "Prod":
            return (Edit("exp(sum(log(x)))", _by_logarithms),)
        case "log-domain" if op_type == "Pow":
            return (Edit("exp(y * log(x))", lambda site: tf.exp(site.inputs[1] * tf.math.log(site.inputs[0]))),)
        case "without-the-term":
            return (Edit("without the term", lambda site: tf.zeros_like(site.run(site.inputs))),)
    return ()


def _guarded(remedy: str, op_type: str, small: float) -> tuple[Edit, ...]:
    """An op with its argument, or its divisor, kept where it has a value and a slope."""
    if op_type in ("RealDiv", "Div"):
        match remedy:
            case "divide-no-nan":
                return (Edit("divide_no_nan(a, b)", lambda site: tf.math.divide_no_nan(*site.inputs)),)
            case "signed-epsilon":
                return (_on(f"a / (b, at least {small:g} away from 0)", lambda b: _away_from_zero(b, small), 1),)
            case _:
                return (_on(f"a / max(b, {small:g})", lambda b: tf.maximum(b, tf.cast(small, b.dtype)), 1),)
    if remedy == "divide-no-nan":
        return (Edit("0 where the divisor is 0", _double_where),)
    if remedy == "divisor-one" or op_type in ("FloorMod", "Mod", "FloorDiv", "TruncateDiv"):
        return (_on("divided by 1 where b is 0", lambda b: tf.where(b == 0, tf.ones_like(b), b), 1),)
    if remedy == "signed-epsilon":
        return (_on(f"{op_type}(x, at least {small:g} away from 0)", lambda x: _away_from_zero(x, small)),)
    lowest, highest = _domain(op_type, small)
    if lowest is None:
        return ()
    index = 1 if op_type in ("Xlogy", "Xlog1py", "Xdivy") else 0
    name, rest = op_type.lower(), ", y" if op_type == "Pow" else ""
    if highest is None:
        return (_on(f"{name}(max(x, {lowest:g}){rest})", lambda x: tf.maximum(x, tf.cast(lowest, x.dtype)), index),)
    return (
        _on(
            f"{name}(clip(x, {lowest:.7g}, {highest:.7g}))",
            lambda x: tf.clip_by_value(x, tf.cast(lowest, x.dtype), tf.cast(highest, x.dtype)),
            index,
        ),
    )


def _domain(op_type: str, small: float) -> tuple[float | None, float | None]:
    """Between which numbers the op has a finite value and slope, None for an end that is open."""
    match op_type:
        case "Log" | "Xlogy":
            return min(small, 1e-7) if small == INSIDE else small, None
        case "Log1p" | "Xlog1py":
            return small - 1.0, None
        case "Sqrt":
            return UNDER_ROOT, None
        case "Rsqrt" | "Pow" | "Lgamma" | "Digamma" | "Reciprocal" | "Inv" | "Xdivy":
            return small, None
        case "Acos" | "Asin" | "Atanh" | "Erfinv":
            return small - 1.0, 1.0 - small
        case "Ndtri":
            return small, 1.0 - small
        case "Acosh":
            return 1.0 + small, None
        case _:
            return None, None


def _on(tried: str, guard: Callable[[Any], Any], index: int = 0) -> Edit:
    """The op itself with one of its inputs guarded."""

    def run(site: Site) -> Any:
        inputs = list(site.inputs)
        inputs[index] = guard(inputs[index])
        return site.run(inputs)

    return Edit(tried, run)


def _bounded(op_type: str, bound: int) -> Edit:
    name = op_type.lower()
    return _on(f"{name}(clip(x, -{bound}, {bound}))", lambda x: tf.clip_by_value(x, -float(bound), float(bound)))


def _away_from_zero(divisor: Any, small: float) -> Any:
    floor = tf.cast(small, divisor.dtype)
    return tf.where(tf.abs(divisor) < floor, tf.where(divisor < 0, -floor, floor), divisor)


def _double_where(site: Site) -> Any:
    """The op where its value and its slopes are finite, on 1 elsewhere, and 0 in the place of what it gives there."""
    shape = tf.shape(site.run(site.inputs))
    given = [tf.broadcast_to(one, shape) if one.dtype.is_floating else one for one in site.inputs]
    places = [place for place, one in enumerate(given) if one.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch([given[place] for place in places])
        value = site.run(given)
    bad = ~tf.math.is_finite(value)
    for slope in tape.gradient(value, [given[place] for place in places]):
        bad = bad if slope is None else bad | ~tf.math.is_finite(slope)
    safe = [tf.where(bad, tf.ones_like(one), one) if place in places else one for place, one in enumerate(given)]
    return tf.where(bad, tf.zeros_like(value), site.run(safe))


def _product_without_nan(site: Site) -> Any:
    """The product, 0 where 0 meets what is not finite."""
    left, right = site.inputs
    none = ((left == 0) & ~tf.math.is_finite(right)) | ((right == 0) & ~tf.math.is_finite(left))
    one = tf.ones((), left.dtype)
    return tf.where(none, tf.zeros((), left.dtype), tf.where(none, one, left) * tf.where(none, one, right))


def _finite(mask: float) -> Replacement:
    def run(site: Site) -> Any:
        return site.run([_without_infinity(one, mask) if one.dtype.is_floating else one for one in site.inputs])

    return run


def _without_infinity(value: Any, mask: float) -> Any:
    return tf.where(tf.math.is_inf(value), tf.sign(value) * tf.cast(mask, value.dtype), value)


def _by_logarithms(site: Site) -> Any:
    keep = dict(zip(site.instruction.attrs[::2], site.instruction.attrs[1::2], strict=True)).get("keep_dims", False)
    return tf.exp(tf.reduce_sum(tf.math.log(site.inputs[0]), site.inputs[1], keepdims=bool(keep)))
