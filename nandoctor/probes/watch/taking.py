"""From a guarded update that tripped to the capture of its step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts.origin import Sink
from nandoctor.probes.steps.trace import user_lines
from nandoctor.probes.steps.written_line import written_line
from nandoctor.probes.watch.capture import Fed, Held, StepCapture, backward_names, renamed
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.noted import flat_tensors
from nandoctor.probes.watch.spoken_names import batch_names
from nandoctor.probes.watch.stepgraph import ancestors
from nandoctor.stats import Array

ROLES = {"argument": "input", "pipeline": "input", "random": "random", "state": "state"}


@dataclass(frozen=True)
class LiveNames:
    """Names of variables by the identity of their handles, paths of layers, and the name of the model itself.

    With several models each path begins with the name of its model, and there is no `root`.
    """

    variables: dict[int, str]
    layers: tuple[str, ...]
    root: str | None


def take_capture(tracing: Tracing, live: LiveNames, made: Sequence[tuple[str, range]]) -> StepCapture:
    """The capture of the step that `tracing` guards, on the values that it kept.

    `made` are the backward ops of each forward op. NandoctorError where something that the step depends on was not
    kept.
    """
    graph = tracing.graph
    operations = [op.name for op in graph.get_operations()]
    new = backward_names(operations, made if tracing.backward is None else tracing.backward)
    definition = renamed(graph.as_graph_def(), new)

    def tensor_name(tensor: Any) -> str:
        op, _, number = tensor.name.partition(":")
        return f"{new.get(op, op)}:{number}"

    roles = {id(one): "input" for one in flat_tensors(tracing.noted.inputs)}
    roles |= {id(one): "label" for one in flat_tensors(tracing.noted.labels)}
    spoken = batch_names(tracing.noted)
    fed: list[Fed] = []
    given = set[str]()
    for kept, variable in zip(tracing.kept, tracing.stash, strict=True):
        value = None if variable is None else variable.numpy()
        if value is None:
            raise NandoctorError(f"the value of {kept.tensor.name} was not kept", UNEXAMINABLE)
        if kept.kind == "state" and _is_still(kept.tensor, value, tracing.variables):
            continue
        given.add(kept.tensor.op.name)
        role = roles.get(id(kept.tensor), ROLES[kept.kind])
        name = spoken.get(id(kept.tensor)) or _readable(kept.tensor)
        fed.append(Fed(name, tensor_name(kept.tensor), role, value))
    outputs = [one for one in flat_tensors(tracing.noted.predictions) if one.graph is graph]
    needed = ancestors([one for one in (*tracing.losses, *tracing.gradients, *outputs) if _lies_in(one, graph)])
    needed -= given
    held, constants = _captured(graph, needed, live.variables, tracing.variables, tensor_name)
    gradients: list[tuple[Sink, str, str]] = [
        ("gradient", live.variables.get(id(variable.handle)) or _own_name(variable), tensor_name(gradient))
        for variable, gradient in zip(tracing.variables, tracing.gradients, strict=True)
        if _lies_in(gradient, graph)
    ]
    # The target of an inner tape (a gradient penalty) is no loss; it is told by its shape.
    targets = [one for one in tracing.losses if _lies_in(one, graph)]
    scalar = [one for one in targets if one.shape.rank == 0] or targets
    losses: list[tuple[Sink, str, str]] = [
        ("loss", "" if len(scalar) == 1 else _readable(one), tensor_name(one)) for one in scalar
    ]
    return StepCapture(
        graph=definition.SerializeToString(),
        fed=(*fed, *constants),
        held=tuple(held),
        results=(*(("output", spoken[id(one)], tensor_name(one)) for one in outputs), *losses, *gradients),
        terms=tuple((name, tensor_name(one)) for name, one in tracing.noted.terms if one.graph is graph),
        lines=_lines(tracing, new, needed),
        layers=live.layers,
        root=live.root,
        compiled=tracing.compiled,
    )


def _captured(
    graph: Any, needed: set[str], names: Mapping[int, str], trainable: Sequence[Any], tensor_name: Callable[[Any], str]
) -> tuple[list[Held], list[Fed]]:
    """The variables that the graph reads, and the tensors with a value that it holds."""
    own = {id(variable.handle): variable for variable in trainable}
    held: list[Held] = []
    constants: list[Fed] = []
    for outer, inner in graph.captures:
        source = outermost(outer)
        if not hasattr(source, "numpy") or inner.op.name not in needed:
            continue
        if inner.dtype == tf.resource:
            value = _variable_value(source)
            if value is not None:
                name = names.get(id(source)) or _own_name(own.get(id(source))) or _readable(inner)
                held.append(Held(name, tensor_name(inner), id(source) in own, value))
        elif inner.dtype != tf.variant:
            constants.append(Fed(_readable(inner), tensor_name(inner), "constant", source.numpy()))
    return held, constants


def _is_still(read: Any, value: Array, variables: Sequence[Any]) -> bool:
    """Whether a trained variable that was read still has the value that was kept of it, and can be read again.

    An update before has changed it, and the one that failed was not made. What is read of it takes part in gradients.
    """
    source = outermost(read.op.inputs[0])
    current = _variable_value(source) if any(source is one.handle for one in variables) else None
    return current is not None and np.array_equal(current, value)


def _lies_in(tensor: Any, graph: Any) -> bool:
    """Whether the tensor is one of the graph's own, and has no value of its own."""
    return tensor is not None and not hasattr(tensor, "numpy") and tensor.graph is graph


def _own_name(variable: Any) -> str:
    """A variable's own name without the number of its output; empty without a variable."""
    return "" if variable is None else str(variable.name).rpartition(":")[0] or str(variable.name)


def outermost(tensor: Any) -> Any:
    """What a captured tensor is outside of all graphs: follow it through the functions around."""
    while hasattr(tensor, "graph") and not hasattr(tensor, "numpy"):
        outer = next((o for o, inner in getattr(tensor.graph, "captures", ()) if inner is tensor), None)
        if outer is None:
            return tensor
        tensor = outer
    return tensor


def _variable_value(handle: Any) -> Array | None:
    """The value behind a resource, None where it is no variable."""
    data = handle._handle_data
    if data is None or not data.is_set or not data.shape_and_type:
        return None
    dtype = tf.as_dtype(data.shape_and_type[0].dtype)
    try:
        value: Array = tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype).numpy()
    except tf.errors.OpError:
        return None
    return value


def _lines(tracing: Tracing, new: Mapping[str, str], needed: set[str]) -> dict[str, tuple[str, int, str, str]]:
    found = tracing.lines
    if found is None:
        found = user_lines(tracing.graph, lambda name: new.get(name, name), needed)
    return {name: written_line(*line) for name, line in found.items()}


def _readable(tensor: Any) -> str:
    return str(tensor.op.name)
