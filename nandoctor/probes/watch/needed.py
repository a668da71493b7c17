"""The part of a captured graph that its step needs, checked and made safe to bring into any process."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.compat.graphs import op_definition
from nandoctor.probes.watch.capture import StepCapture

REACHING_OUT = re.compile(
    r"^(ReadFile|MatchingFiles|ImmutableConst|PyFunc.*|InitializeTable.*|XlaCustomCall.*|XlaLaunch.*|_.*)$"
    r"|Dataset|Reader|TPU|Tpu|^Debug"
)
"""Ops without a state that read files, map memory, call Python or native code, or write elsewhere all the same."""

WITH_STATE = re.compile(
    r"^(ReadVariableOp|VariableShape|VarIsInitializedOp|DisableCopyOnRead|Assign(Add|Sub)?VariableOp|Resource(Gather|"
    r"Scatter)\w*|ResourceStridedSliceAssign|If|While|Case|StatefulPartitionedCall|CheckNumerics(V2)?|Assert|Print(V2)?|"
    r"TensorArray(Write|Read|Gather|Scatter|Concat|Split|Size|Close|Grad|GradWithShape)?(V3)?|Empty|DeepCopy|GuaranteeConst|DeviceIndex|IsTensorFloat32Enabled|"
    r"Random(Uniform|UniformInt|StandardNormal|Shuffle|Gamma|Poisson|PoissonV2|Crop)|Multinomial|TruncatedNormal|ParameterizedTruncatedNormal|Stateful(Uniform|Standard|Truncated|Random)\w*|"
    r"Rng(ReadAndSkip|Skip)|StatelessRandomGetAlg|NonDeterministicInts|SampleDistortedBoundingBox(V2)?|"
    r"(All|Uniform|LogUniform|ThreadUnsafeUnigram|LearnedUnigram)CandidateSampler|CudnnRNN\w*|Timestamp)$"
)
"""Ops with a state that a step may have: its own variables, loops, arrays, random numbers. No other is run."""

WRITES = re.compile(r"^(Assign|ResourceApply|ResourceSparseApply|ResourceScatter|ResourceStridedSliceAssign)")

STANDARD_STREAMS = re.compile(rb"^(stdout|stderr|log\(\w+\))$")


@dataclass(frozen=True)
class Needed:
    """The part of a graph that a step needs: a serialized GraphDef.

    `given` are the names of the placeholders in it by the tensors that they stand for.
    """

    graph: bytes
    given: Mapping[str, str]


def needed_graph(capture: StepCapture) -> Needed:
    """The captured graph from what is fed to the results, its functions under names that no other graph has.

    NandoctorError (exit code 3) where it is no graph.
    """
    graph = _parsed(capture)
    fed = [*(one.tensor for one in capture.fed), *(one.tensor for one in capture.held)]
    needed = _ancestors(graph, [tensor for _, _, tensor in capture.results], fed)
    given = {_plain(tensor): f"nandoctor_given_{place}" for place, tensor in enumerate(fed)}
    kept = tf.compat.v1.GraphDef(versions=graph.versions)
    kept.node.extend(_placeholders(graph, given, capture))
    for node in graph.node:
        if node.name in needed:
            inputs = [given.get(_plain(one), one) for one in node.input if one[:1] != "^" or one[1:] in needed]
            one = kept.node.add()
            one.CopyFrom(node)
            del one.input[:]
            one.input.extend(inputs)
            one.attr.pop("_class", None)
    kept.library.function.extend(_called(kept.node, _functions(graph)))
    suffix = f"_{hashlib.sha256(capture.graph).hexdigest()[:12]}"
    new = {function.signature.name: function.signature.name + suffix for function in kept.library.function}
    for function in kept.library.function:
        function.signature.name = new[function.signature.name]
        function.attr.clear()
    for node in (*kept.node, *_nodes_of(kept.library.function)):
        for one in _references(node):
            one.name = new.get(one.name, one.name)
    return Needed(kept.SerializeToString(), {tensor: given[_plain(tensor)] + ":0" for tensor in fed})


def _placeholders(graph: Any, given: Mapping[str, str], capture: StepCapture) -> Iterator[Any]:
    """A placeholder for each tensor that is given, with the shape that the graph says it has."""
    by_name = {node.name: node for node in graph.node}
    dtypes = {_plain(one.tensor): tf.as_dtype(one.value.dtype) for one in capture.fed}
    for tensor, name in given.items():
        op, _, number = tensor.partition(":")
        node = by_name.get(op)
        shape = tf.TensorShape(None).as_proto()
        if node is not None and "shape" in node.attr:
            shape = node.attr["shape"].shape
        elif node is not None and int(number) < len(node.attr["output_shapes"].list.shape):
            shape = node.attr["output_shapes"].list.shape[int(number)]
        placeholder = tf.compat.v1.NodeDef(name=name, op="Placeholder")
        placeholder.attr["dtype"].type = dtypes.get(tensor, tf.resource).as_datatype_enum
        placeholder.attr["shape"].shape.CopyFrom(shape)
        yield placeholder


def refuse_reaching_out(capture: StepCapture) -> None:
    """Refuse a step with an op that may touch files, the network or Python, or that is not known here.

    It raises NandoctorError (exit code 3).
    """
    graph = _parsed(capture)
    fed = [*(one.tensor for one in capture.fed), *(one.tensor for one in capture.held)]
    run = _ancestors(graph, [tensor for _, _, tensor in capture.results], fed)
    nodes = [node for node in graph.node if node.name in run]
    functions = _functions(graph)
    for node in (*nodes, *_nodes_of(_called(nodes, functions))):
        if node.op in functions:
            continue
        definition = op_definition(node.op)
        if definition is None:
            raise NandoctorError(f"op {node.name[:80]!r} is of a kind that TensorFlow does not know: {node.op[:80]!r}")
        elsewhere = node.op == "PrintV2" and not STANDARD_STREAMS.match(node.attr["output_stream"].s or b"stderr")
        stateful = definition.is_stateful and not WITH_STATE.match(node.op)
        if stateful or elsewhere or REACHING_OUT.search(node.op):
            raise NandoctorError(
                f"op {node.name[:80]!r} ({node.op}) may touch what is outside of the step (files, the network, Python "
                "code); a capsule with it is not replayed",
                UNEXAMINABLE,
            )


def _parsed(capture: StepCapture) -> Any:
    try:
        return tf.compat.v1.GraphDef.FromString(capture.graph)
    except Exception as error:  # protobuf raises its own kinds
        raise NandoctorError("the graph of the step is damaged: it is no GraphDef", UNEXAMINABLE) from error


def _ancestors(graph: Any, tensors: Iterable[str], known: Iterable[str]) -> set[str]:
    """The names of the ops that the tensors need, where those in `known` are given.

    What has to wait for an op that gives one of those has not to wait; nor has what waits for a variable to be written
    (by the update before, where a step makes several): it is given as it was when the step failed.
    """
    by_name = {node.name: node for node in graph.node}
    given = {_plain(one) for one in known}
    given |= {f"^{one.partition(':')[0]}" for one in given}
    given |= {f"^{name}" for name in _writing(graph, given)}
    found: set[str] = set()
    pending = [_plain(tensor) for tensor in tensors]
    while pending:
        tensor = pending.pop()
        name = tensor.removeprefix("^").partition(":")[0]
        if tensor in given or name in found:
            continue
        if name not in by_name:
            raise NandoctorError(f"the graph of the step is damaged: it has no op {name[:80]!r}", UNEXAMINABLE)
        found.add(name)
        pending += [_plain(one) for one in by_name[name].input]
    return found


def _writing(graph: Any, given: Collection[str]) -> set[str]:
    """The names of the ops that write a variable, and of those behind them, as far as no given tensor is between."""
    functions = _functions(graph)
    readers: dict[str, list[str]] = {}
    pending = []
    for node in graph.node:
        if any(WRITES.match(one.op) for one in (node, *_nodes_of(_called([node], functions)))):
            pending.append(node.name)
        for one in node.input:
            if _plain(one) not in given:
                readers.setdefault(one.removeprefix("^").partition(":")[0], []).append(node.name)
    found: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += readers.get(name, [])
    return found


def _plain(tensor: str) -> str:
    """The name of a tensor with its number."""
    return tensor if ":" in tensor or tensor.startswith("^") else f"{tensor}:0"


def _functions(graph: Any) -> dict[str, Any]:
    return {function.signature.name: function for function in graph.library.function}


def _called(nodes: Iterable[Any], functions: Mapping[str, Any]) -> list[Any]:
    """The functions that the nodes call, and those that they call in turn."""
    found: dict[str, Any] = {}
    pending = list(nodes)
    while pending:
        node = pending.pop()
        for name in (node.op, *(one.name for one in _references(node))):
            if name in functions and name not in found:
                found[name] = functions[name]
                pending += functions[name].node_def
    return list(found.values())


def _nodes_of(functions: Iterable[Any]) -> list[Any]:
    return [node for function in functions for node in function.node_def]


def _references(node: Any) -> list[Any]:
    """Where a node names functions."""
    found: list[Any] = []
    for value in node.attr.values():
        if value.WhichOneof("value") == "func":
            found.append(value.func)
        found += value.list.func
    return found
