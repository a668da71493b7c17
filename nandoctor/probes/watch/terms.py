"""The terms that the loss of a traced step is the sum of, and the record of their values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.probes.compat.watching import barrier, own_variable
from nandoctor.probes.models.unique_names import unique_names
from nandoctor.probes.steps.trace import is_user_file
from nandoctor.probes.steps.written_line import known_file
from nandoctor.probes.watch.recorder import STEPS, Recorder
from nandoctor.probes.watch.stepgraph import ancestors
from nandoctor.probes.watch.taking import outermost

PASSED = {"Cast", "ExpandDims", "Identity", "Mean", "Neg", "Reshape", "Squeeze", "StopGradient", "Sum"}
SCALED = {"Mul", "RealDiv", "DivNoNan"}
ADDED = {"Add", "AddN", "AddV2", "Pack", "Sub"}
VARIABLES = {"ReadVariableOp", "Const"}
MOST_TERMS = 16
OF_KERAS = "compile_loss/"


class TermRecord:
    """The values of each term at the last 512 steps: a row has the number of its step, then a value for each name."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.ring = own_variable(np.full([STEPS + 1, 1 + len(names)], np.nan, np.float64))

    def write(self, recorder: Recorder, terms: Mapping[str, Any]) -> None:
        """Note the terms of the step that is about to be made; NaN for a name that it has no term of."""
        step = recorder.number()
        unknown = tf.constant(math.nan, tf.float64)
        values = [tf.cast(terms[name], tf.float64) if name in terms else unknown for name in self.names]
        row = tf.stack([tf.cast(step, tf.float64), *values])
        # A pipeline that works ahead begins the step after a trip: that goes to a row that is never read.
        place = tf.where(recorder.untripped(), step % STEPS, STEPS)
        tf.raw_ops.ResourceScatterUpdate(resource=self.ring.handle, indices=place[None], updates=row[None])

    def values(self, first: int, steps: int) -> dict[str, tuple[float, ...]]:
        """The values of each term at so many steps from `first` on, NaN where a step had none."""
        rows = self.ring.numpy()
        numbers = range(first, first + steps)
        found = [rows[one % STEPS] for one in numbers]
        known = [row[0] == one for row, one in zip(found, numbers, strict=True)]
        return {
            name: tuple(float(row[place]) if here else math.nan for row, here in zip(found, known, strict=True))
            for place, name in enumerate(self.names, 1)
        }


def terms_of(losses: Sequence[Any], variables: Mapping[int, str], *, compiled: bool) -> dict[str, Any]:
    """The numbers that the losses are sums of, by name, as they enter the sum; empty for a loss of one term.

    A term is called after the scope that it was computed in (Keras: its loss), after the variable that it is computed
    of alone (`variables`: names by the identity of their handles), or after the user's line. `compiled` says that XLA
    compiles the graph.
    """
    found = [term for loss in losses if loss.shape.rank == 0 for term in _terms(loss)]
    if not 1 < len(found) <= MOST_TERMS:
        return {}
    names = unique_names(_name(term, variables) for term in found)
    return dict(zip(names, barrier(found) if compiled else found, strict=True))


def _terms(tensor: Any) -> list[Any]:
    """What a number is the sum of; itself, where it is no sum."""
    parts = _added(tensor)
    if not parts or any(part.shape.rank != 0 for part in parts):
        return [tensor]
    return [term for part in parts for term in _terms(part)]


def _added(tensor: Any) -> list[Any]:
    """What is added up, at or before an op that does no more to the sum than scale it; empty for no sum."""
    while True:
        op, parts = tensor.op, _dependent(tensor.op)
        if op.type in ADDED and len(parts) > 1:
            return parts
        if (op.type in ADDED or op.type in SCALED or op.type in PASSED) and len(parts) == 1:
            (tensor,) = parts
        else:
            return []


def _dependent(op: Any) -> list[Any]:
    """The operands that are no constants, and no variables or numbers that scale the rest (a loss scale)."""
    inputs = list(op.inputs)[:1] if op.type in PASSED else list(op.inputs)
    inputs = [one for one in inputs if tf.get_static_value(one) is None]
    return [one for one in inputs if not (op.type in SCALED and _is_read(one))] if len(inputs) > 1 else inputs


def _is_read(tensor: Any) -> bool:
    while tensor.op.type in ("Cast", "Identity"):
        tensor = tensor.op.inputs[0]
    return tensor.op.type in VARIABLES


def _name(term: Any, variables: Mapping[int, str]) -> str:
    """What a term is called."""
    tensor = term
    while tensor.shape.rank == 0 and tensor.op.type in PASSED | SCALED | ADDED:
        parts = _dependent(tensor.op)
        if len(parts) != 1 or parts[0].shape.rank != 0:
            break
        (tensor,) = parts
    scope = tensor.op.name.rpartition("/")[0].removeprefix(OF_KERAS)
    read = _variables_read(tensor)
    if len(read) == 1 and id(read[0]) in variables and not _reads_batch(tensor):
        return f"regularization of {variables[id(read[0])]}"
    return scope or _user_line(tensor) or str(tensor.op.name)


def _variables_read(tensor: Any) -> list[Any]:
    before = ancestors([tensor])
    captured = [(outer, inner) for outer, inner in getattr(tensor.graph, "captures", ()) if inner.op.name in before]
    return [outermost(outer) for outer, inner in captured if inner.dtype == tf.resource]


def _reads_batch(tensor: Any) -> bool:
    before = ancestors([tensor])
    captured = {id(inner) for _, inner in getattr(tensor.graph, "captures", ())}
    return any(one.op.name in before for one in tensor.graph.inputs if id(one) not in captured)


def _user_line(tensor: Any) -> str | None:
    for frame in reversed(tensor.op.traceback or ()):
        if is_user_file(frame.filename):
            return f"{Path(known_file(frame.filename)).name}:{frame.lineno}"
    return None
