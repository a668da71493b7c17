"""What the variables of a Subject hold."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from nandoctor.facts.weights import Role, VariableFacts, WeightFacts
from nandoctor.probes.models.subject import NamedVariable, Subject
from nandoctor.stats import Array, TensorStats

ROLES: dict[str, Role] = {
    "kernel": "kernel",
    "weight": "kernel",
    "weights": "kernel",
    "w": "kernel",
    "depthwise_kernel": "kernel",
    "depthwise_weights": "kernel",
    "pointwise_kernel": "kernel",
    "pointwise_weights": "kernel",
    "recurrent_kernel": "recurrent-kernel",
    "embedding": "embedding",
    "embeddings": "embedding",
    "embedding_weights": "embedding",
    "bias": "bias",
    "biases": "bias",
    "b": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "moving_mean": "moving-mean",
    "moving_variance": "moving-variance",
}
FLOATING = {"float16", "bfloat16", "float32", "float64"}
DEPTHWISE = re.compile(r"depthwise|(?<![a-z])dw")
PROJECTIONS = {"query", "key", "value"}


def weight_facts(subject: Subject) -> WeightFacts:
    """The facts of every floating variable of `subject`, in its order; others (seed states, counters) are left out."""
    return WeightFacts(
        tuple(
            _facts(named) for named in subject.variables if named.variable.dtype.name.removesuffix("_ref") in FLOATING
        )
    )


def _facts(named: NamedVariable) -> VariableFacts:
    values = np.asarray(named.variable.numpy())
    layer = named.name.rpartition("/")[0] or None
    role = _role(named.name, values.ndim)
    kernel = role in {"kernel", "recurrent-kernel"}
    stats = TensorStats.of(values)
    return VariableFacts(
        name=named.name,
        layer=layer,
        role=role,
        shape=values.shape,
        dtype=named.variable.dtype.name,
        trainable=named.trainable,
        stats=stats,
        fan_in=_fan_in(named.name, values.shape) if kernel else None,
        units=values.shape[-1] if values.ndim else None,
        identical_units=_identical_units(values) if kernel else 0,
        first_bad=_first_bad(values) if stats.nonfinite else None,
    )


def _role(name: str, rank: int) -> Role:
    """The role that the last part of the name tells, if a variable of that rank can have it.

    A kernel has at least two axes and an embedding exactly two; what is called otherwise is `other`, since a
    guess from the shape alone would take a class token or a mask for a kernel.
    """
    last = name.rpartition("/")[2].lower()
    last = re.sub(r"_\d+$", "", last)
    role = ROLES.get(last, "other")
    if role in {"kernel", "recurrent-kernel"} and rank < 2:
        return "other"
    return "other" if role == "embedding" and rank != 2 else role


def _fan_in(name: str, shape: tuple[int, ...]) -> int:
    """How many inputs a unit sums over.

    All axes but the last; only the area for a depthwise kernel (area, channels, multiplier); only the first
    for the query, key and value projections of an attention layer (inputs, heads, size).
    """
    parts = name.split("/")
    if len(shape) == 3 and len(parts) > 1 and parts[-2] in PROJECTIONS:
        return shape[0]
    if len(shape) > 2 and DEPTHWISE.search("/".join(parts[-2:])):
        return math.prod(shape[:-2])
    return math.prod(shape[:-1])


def _identical_units(values: Array) -> int:
    """How many units (last axis) have exactly the same finite weights as another one.

    Equal weights have equal sums: only units whose sum occurs twice are compared.
    """
    units = values.shape[-1]
    if units < 2 or not values.size:
        return 0
    columns = values.reshape(-1, units)
    with np.errstate(all="ignore"):
        sums = columns.sum(axis=0, dtype=np.float64)
    _, place, counts = np.unique(sums, return_inverse=True, return_counts=True)
    suspects = np.flatnonzero((counts[place] > 1) & np.isfinite(sums))
    groups: dict[bytes, int] = {}
    for unit in suspects:
        key = _key(columns[:, unit])
        groups[key] = groups.get(key, 0) + 1
    return sum(count for count in groups.values() if count > 1)


def _key(column: Any) -> bytes:
    """The bytes of a column, the same for 0.0 and -0.0."""
    return np.ascontiguousarray(column + column.dtype.type(0)).tobytes()


def _first_bad(values: Array) -> tuple[int, ...]:
    """Index of the first NaN or infinity in row-major order."""
    wide = values.astype(np.float32) if values.dtype.name == "bfloat16" else values
    place = int(np.argmin(np.isfinite(wide)))
    return tuple(int(index) for index in np.unravel_index(place, values.shape))
