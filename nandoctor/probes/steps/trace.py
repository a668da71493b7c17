"""A Subject and a loss traced into one graph: the step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

import nandoctor
from nandoctor.probes.compat.graphs import captured, own_inputs, python_graphs, variables_by_handle
from nandoctor.probes.models.subject import InputSpec, Subject, Tensors
from nandoctor.probes.steps.flow import Flow, flow_of
from nandoctor.probes.steps.interpreter import Scope
from nandoctor.probes.steps.naming import LayerNames, forward_name, is_gradient, layer_names
from nandoctor.probes.steps.program import Library, compile_graph
from nandoctor.stats import Array

PACKAGE = str(Path(nandoctor.__file__).parent)
StepLoss = Callable[[Tensors, Tensors, Tensors, bool], Any]
Result = tuple[Literal["output", "loss", "gradient"], str]
Line = tuple[str, int, str] | tuple[str, int, str, str]


@dataclass(frozen=True)
class Step:
    """A traced step.

    `results` say what each flat output is: ("output", name), ("loss", ""), ("gradient", variable). `fed` are the names
    of the flat arguments, inputs first, then labels, each with its component for a ragged one. `unconnected` are the
    trainable variables that got no gradient. `op_types` maps the names of forward ops to their types, `lines` forward
    ops to (file, line, function), and the line's text where it came along. `aliases` give the names of ops that
    TensorFlow renamed, `variables` those of the variables by the argument that holds them.
    """

    concrete: Any
    library: Library
    root: Scope
    flow: Flow
    fed: tuple[str, ...]
    results: tuple[Result, ...]
    unconnected: tuple[str, ...]
    names: LayerNames
    op_types: Mapping[str, str]
    lines: Mapping[str, Line]
    aliases: Mapping[str, str]
    variables: Mapping[int, str]

    def own_name(self, name: str) -> str:
        """The name that an op had before TensorFlow made a gradient's forward function of its own."""
        return self.aliases.get(name, name)

    def captured(self) -> list[Any]:
        """The captured tensors that follow the fed arguments."""
        return captured(self.concrete)


@dataclass(frozen=True)
class Batch:
    """One batch: its number, its rows in the data set, and the tensors to feed (labels by output, empty for none)."""

    index: int
    rows: range
    feeds: Mapping[str, Any]
    labels: Mapping[str, Any]

    def without_labels(self) -> Batch:
        """The same for a step that takes no labels."""
        return Batch(self.index, self.rows, self.feeds, {})

    def taken(self, rows: Sequence[int]) -> Batch:
        """The batch with these of its rows, in this order."""
        feeds = {name: tf.gather(value, rows) for name, value in self.feeds.items()}
        return Batch(self.index, self.rows, feeds, {name: tf.gather(v, rows) for name, v in self.labels.items()})

    def flat(self) -> list[Any]:
        """The tensors in the order of a step's arguments."""
        return tf.nest.flatten([list(self.feeds.values()), list(self.labels.values())], expand_composites=True)


def trace_inference(subject: Subject, batch: Batch) -> Step:
    """The model alone, with inference behaviour: outputs only."""
    feeds = batch.feeds

    @tf.function(autograph=False)
    def infer(*flat: Any) -> list[Any]:
        outputs = subject.infer(_packed(flat, feeds))
        return [_dense(outputs[name]) for name in subject.outputs]

    concrete = infer.get_concrete_function(*_specs(subject.inputs, feeds, {}))
    results: tuple[Result, ...] = tuple(("output", name) for name in subject.outputs)
    return step_of(subject, concrete, tuple(_components(feeds)), results, ())


def trace_training(subject: Subject, loss: StepLoss, batch: Batch, *, backward: bool) -> Step:
    """Loss and gradients around the model, with training behaviour where the artefact holds it."""
    feeds, labels = batch.feeds, batch.labels
    training = subject.train is not None
    forward = subject.train or subject.infer
    trainable = [named for named in subject.variables if named.trainable]
    variables = [named.variable for named in trainable]
    connected: list[str] = []

    @tf.function(autograph=False)
    def total(*flat: Any) -> tuple[Any, list[Any]]:
        inputs = _packed(flat, feeds)
        targets = _packed(flat[len(list(_components(feeds))) :], labels)
        outputs = forward(inputs)
        value = loss(inputs, targets, outputs, training)
        return value, [_dense(outputs[name]) for name in subject.outputs]

    @tf.function(autograph=False)
    def step(*flat: Any) -> list[Any]:
        if not backward:
            value, outputs = total(*flat)
            return [*outputs, value]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            value, outputs = total(*flat)
        found: list[Any] = []
        connected.clear()
        for named, gradient in zip(trainable, tape.gradient(value, variables), strict=True):
            if gradient is not None:
                connected.append(named.name)
                found.append(gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient)
        return [*outputs, value, *found]

    concrete = step.get_concrete_function(*_specs(subject.inputs, feeds, labels))
    results: list[Result] = [("output", name) for name in subject.outputs]
    results.append(("loss", ""))
    results += [("gradient", name) for name in connected]
    unconnected = tuple(one.name for one in trainable if one.name not in connected) if backward else ()
    fed = (*_components(feeds), *(f"labels {name}" for name in _components(labels)))
    return step_of(subject, concrete, fed, tuple(results), unconnected)


def tensors(arrays: Mapping[str, Any], specs: Sequence[InputSpec] = ()) -> dict[str, Any]:
    """Arrays as tensors, in the dtype that the model's inputs want where `specs` name them.

    An array with `values` and `row_splits` becomes a RaggedTensor.
    """
    wanted = {spec.name: spec.dtype for spec in specs}
    return {name: _tensor(array, wanted.get(name)) for name, array in arrays.items()}


def _tensor(array: Any, dtype: str | None) -> Any:
    if isinstance(array, tf.RaggedTensor | tf.Tensor):
        return array
    if hasattr(array, "row_splits"):
        return tf.RaggedTensor.from_row_splits(_tensor(array.values, dtype), array.row_splits)
    values: Array = np.asarray(array)
    if values.dtype.kind in "US":
        return tf.constant(values.astype(object), tf.string)
    with np.errstate(over="ignore"):
        return tf.constant(values) if dtype is None else tf.cast(tf.constant(values), dtype)


def step_of(
    subject: Subject,
    concrete: Any,
    fed: tuple[str, ...],
    results: tuple[Result, ...],
    cut: tuple[str, ...],
    *,
    lines: Mapping[str, Line] | None = None,
) -> Step:
    """A traced function as a Step; `lines` are those of its ops where Python has not traced them here."""
    library = Library()
    root = Scope((), compile_graph(concrete.graph, concrete.name), False, {})
    flow = flow_of(root, library)
    op_types = {
        node.instruction.name: node.instruction.op_type
        for node in flow.nodes.values()
        if not is_gradient(node.instruction.name)
    }
    lines = user_lines(concrete.graph) if lines is None else lines
    aliases = _aliases([node.instruction.name for node in flow.nodes.values()], lines)
    op_types.update({own: op_types[name] for name, own in aliases.items()})
    names = layer_names(op_types, subject.layers, [one.name for one in subject.variables], subject.root)
    handles = handle_names(subject)
    held = enumerate(captured(concrete), start=len(fed))
    variables = {place: handles[id(tensor)] for place, tensor in held if id(tensor) in handles}
    return Step(concrete, library, root, flow, fed, results, cut, names, op_types, lines, aliases, variables)


def handle_names(subject: Subject) -> dict[int, str]:
    """Variables' names by the identity of their handles."""
    names = {id(named.variable): named.name for named in subject.variables}
    handles = variables_by_handle([named.variable for named in subject.variables])
    return {handle: names[id(variable)] for handle, variable in handles.items()}


def _aliases(names: Sequence[str], lines: Mapping[str, Any]) -> dict[str, str]:
    """Ops that TensorFlow renamed in a forward function, because an output of the function has their name.

    `truediv` becomes `truediv_0`; the gradient's ops and the source lines still know it as `truediv`.
    """
    known = set(names)
    referred = {forward_name(name) for name in names if is_gradient(name)} | set(lines)
    renamed = [name for name in known if name.endswith("_0") and name[:-2] not in known]
    return {name: name[:-2] for name in renamed if name[:-2] in referred}


def user_lines(
    graph: Any, name_of: Callable[[str], str] = str, needed: Collection[str] | None = None
) -> dict[str, tuple[str, int, str]]:
    """The innermost line of the user's own code for each op that Python traced here, by the forward op's name.

    Only frames inside of nandoctor's own call count: who called nandoctor is not who wrote the op. `name_of` gives the
    names by which the ops are to be known; `needed` are the ops of the outermost graph that matter (None: all of them).
    """
    wanted = None if needed is None else {forward_name(name_of(name)) for name in needed}
    found: dict[str, tuple[str, int, str]] = {}
    for one in python_graphs(graph):
        for op in one.get_operations():
            name = forward_name(name_of(op.name))
            # A stack has some hundred frames, and each is made anew when it is asked for.
            if name in found or (wanted is not None and one is graph and name not in wanted):
                continue
            for frame in reversed(op.traceback or ()):
                if frame.filename.startswith(PACKAGE):
                    break
                if is_user_file(frame.filename):
                    found[name] = (frame.filename, frame.lineno, frame.name)
                    break
    return found


@cache
def is_user_file(path: str) -> bool:
    """Whether a source file is the user's: not in an installed package, not nandoctor's, not Python's own."""
    inner = ("site-packages", "dist-packages", "<frozen", "importlib", "/lib/python3", "<__array_function__")
    return not path.startswith(PACKAGE) and not any(part in path.replace("\\", "/") for part in inner)


def _components(values: Mapping[str, Any]) -> list[str]:
    return [name for name, value in values.items() for _ in tf.nest.flatten(value, expand_composites=True)]


def _packed(flat: Sequence[Any], template: Mapping[str, Any]) -> dict[str, Any]:
    names = list(template)
    needed = len(_components(template))
    values = tf.nest.pack_sequence_as([template[name] for name in names], list(flat[:needed]), expand_composites=True)
    return dict(zip(names, values, strict=True))


def _specs(inputs: Sequence[InputSpec], feeds: Mapping[str, Any], labels: Mapping[str, Any]) -> list[Any]:
    """One TensorSpec a flat argument; the batch axis is free unless an input of the model fixes it."""
    fixed = any(spec.shape and spec.shape[0] is not None for spec in inputs)
    wanted = {spec.name: spec.shape for spec in inputs}
    specs: list[Any] = []
    for name, value in [*feeds.items(), *labels.items()]:
        for part in tf.nest.flatten(value, expand_composites=True):
            shape = list(part.shape)
            if shape and not (fixed and name in wanted):
                shape[0] = None
            if isinstance(value, tf.Tensor) and name in wanted and len(wanted[name]) == len(shape):
                shape[1:] = list(wanted[name][1:])
            specs.append(tf.TensorSpec(shape, part.dtype))
    return specs


def _dense(value: Any) -> Any:
    return value.flat_values if isinstance(value, tf.RaggedTensor) else value


def arguments_of(step: Step) -> int:
    """How many of the flat inputs are fed."""
    return own_inputs(step.concrete)
