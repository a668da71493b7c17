"""The part of a traced function that one step of training is, and what must be kept to run it once more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.watching import is_branch

FEEDING = {"IteratorGetNext", "IteratorGetNextSync", "OptionalGetValue", "PyFunc", "EagerPyFunc", "NumpyFunction"}
RANDOM = {
    "RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal", "RandomShuffle", "RandomGamma",
    "RandomPoissonV2", "Multinomial", "ParameterizedTruncatedNormal", "RngReadAndSkip", "StatefulStandardNormalV2",
    "StatefulUniform", "StatefulTruncatedNormal", "StatefulUniformInt", "StatefulUniformFullInt",
}  # fmt: skip
ASSIGNS = {"AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"}
OPAQUE = {tf.resource, tf.variant}


@dataclass(frozen=True)
class Kept:
    """A tensor of the step's graph that is not computed in it, or not twice alike.

    `kind` is "argument" (given to the traced function), "pipeline" (drawn from an iterator), "random" (drawn from a
    generator without a stored state) or "state" (of a variable that the step changes before it updates the weights).
    """

    kind: str
    tensor: Any


def step_graph(graph: Any) -> Any:
    """The graph that holds the whole step: outside of a tf.cond's branches, the body of a loop."""
    while is_branch(graph) and graph.outer_graph is not None:
        graph = graph.outer_graph
    return graph


def kept_tensors(graph: Any, results: Iterable[Any]) -> list[Kept]:
    """What `results` (tensors of `graph`) depend on that has to be kept at the moment of a failure."""
    needed = ancestors(result for result in results if result.graph is graph)
    external = {id(inner): outer for outer, inner in graph.captures}
    kept: list[Kept] = []
    for tensor in graph.inputs:
        if tensor.dtype in OPAQUE or tensor.op.name not in needed:
            continue
        if not isinstance(external.get(id(tensor)), tf.__internal__.EagerTensor):
            kept.append(Kept("argument", tensor))
    assigned = {op.inputs[0].ref() for op in graph.get_operations() if op.type in ASSIGNS}
    read: set[Any] = set()
    for op in graph.get_operations():
        if op.name not in needed:
            continue
        if _draws_if_there_is_more(op):
            kept += [Kept("pipeline", tensor) for tensor in _behind(op) if tensor.op.name in needed]
        elif op.type in FEEDING or op.type in RANDOM:
            kind = "random" if op.type in RANDOM else "pipeline"
            kept += [Kept(kind, tensor) for tensor in op.outputs if tensor.dtype not in OPAQUE]
        elif op.type == "ReadVariableOp" and op.inputs[0].ref() in assigned and op.inputs[0].ref() not in read:
            read.add(op.inputs[0].ref())
            kept.append(Kept("state", op.outputs[0]))
    return kept


def _draws_if_there_is_more(op: Any) -> bool:
    """Whether it is the tf.cond in which a distributed iterator draws a batch, or makes an empty one at its end."""
    return op.type in ("If", "StatelessIf") and any(one.op.type == "IteratorGetNextAsOptional" for one in op.inputs)


def _behind(op: Any) -> list[Any]:
    """What a tf.cond gives, as Python knows it: behind an Identity each."""
    read = [one for output in op.outputs if output.dtype not in OPAQUE for one in output.consumers()]
    return [one.outputs[0] for one in read if one.type == "Identity"]


def restored_by(graph: Any) -> list[tuple[Any, Any]]:
    """Variables of floats that the step has changed so far (handle), with the value that it read of them before."""
    first: dict[Any, Any] = {}
    changed: list[tuple[Any, Any]] = []
    for op in graph.get_operations():
        if op.type == "ReadVariableOp":
            first.setdefault(op.inputs[0].ref(), op.outputs[0])
        elif op.type in ASSIGNS and op.inputs[0].ref() in first:
            value = first.pop(op.inputs[0].ref())
            if value.dtype.is_floating:
                changed.append((op.inputs[0], value))
    return changed


def ancestors(tensors: Iterable[Any]) -> set[str]:
    """The names of the ops that the tensors depend on, their own included."""
    found: set[str] = set()
    pending = [tensor.op for tensor in tensors]
    while pending:
        op = pending.pop()
        if op.name not in found:
            found.add(op.name)
            pending += [tensor.op for tensor in op.inputs]
    return found


def batch_size(kept: Sequence[Kept]) -> Any:
    """The dynamic number of rows of the first array among what was fed, 0 without one."""
    for one in kept:
        if one.kind in ("argument", "pipeline") and one.tensor.shape.rank not in (None, 0):
            return tf.shape(one.tensor, tf.int64)[0]
    return tf.constant(0, tf.int64)
