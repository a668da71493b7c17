"""The step's data flow with all calls inlined: who feeds whom, without running anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nandoctor.probes.steps.interpreter import Scope, called
from nandoctor.probes.steps.program import Instruction, Kind, Library

Key = tuple[tuple[str, ...], int]
KERNELS = {
    "MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Conv1D", "Conv2D", "Conv3D",
    "DepthwiseConv2dNative", "Conv2DBackpropInput", "Einsum", "CudnnRNN", "SparseMatMul",
    "SparseTensorDenseMatMul",
}  # fmt: skip
LOOKUPS = {
    "GatherV2",
    "Gather",
    "ResourceGather",
    "GatherNd",
    "OneHot",
    "LookupTableFindV2",
    "Bincount",
    "DenseBincount",
}
TRANSPARENT = {
    "Identity", "IdentityN", "Reshape", "Squeeze", "ExpandDims", "Cast", "Transpose", "StopGradient",
    "EnsureShape", "Pack", "ConcatV2", "Pad", "PadV2", "MirrorPad", "StridedSlice", "Slice", "Split", "SplitV",
    "Unpack", "ClipByValue", "Maximum", "Minimum", "SpaceToBatchND", "BatchToSpaceND", "RaggedTensorToTensor",
    "RaggedTensorToVariant", "RaggedTensorFromVariant", "TensorListFromTensor", "TensorListGetItem",
    "TensorListStack", "Snapshot",
}  # fmt: skip
FUSED_NORMALIZATIONS = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "LRN"}
AFFINE = {"Mul", "RealDiv", "Div", "DivNoNan", "Sub", "Add", "AddV2", "BiasAdd", "AddN"}
SCALINGS = {"Mul", "RealDiv", "Div", "DivNoNan"}
REWEIGHTING = KERNELS | AFFINE | TRANSPARENT


@dataclass(frozen=True)
class Node:
    """One op at one place of the call tree; `inputs` are the nodes (or argument numbers) that feed it."""

    key: Key
    scope: Scope
    instruction: Instruction
    inputs: tuple[Key | int | None, ...]


@dataclass
class Flow:
    """All nodes in order of execution; `consumers` of each node and argument; `outputs` of the step."""

    nodes: dict[Key, Node] = field(default_factory=dict)
    consumers: dict[Key | int, list[Key]] = field(default_factory=dict)
    outputs: tuple[Key | int | None, ...] = ()

    def downstream(self, start: Key | int, through: Iterable[str]) -> Iterator[Node]:
        """The nodes reached from `start` through ops of the given types; the last one of each way is not of them."""
        allowed = set(through)
        pending, seen = list(self.consumers.get(start, [])), set()
        while pending:
            key = pending.pop(0)
            if key in seen:
                continue
            seen.add(key)
            node = self.nodes[key]
            yield node
            if node.instruction.op_type in allowed:
                pending.extend(self.consumers.get(key, []))

    def upstream(self, key: Key | int | None, through: Iterable[str]) -> Node | None:
        """The first node before or at `key` that is not of the given types, following first inputs."""
        found = self.source(key, through)
        return found if isinstance(found, Node) else None

    def source(self, key: Key | int | None, through: Iterable[str]) -> Node | int | None:
        """As `upstream`, but the number of the argument where one is reached."""
        allowed = set(through)
        while isinstance(key, tuple):
            node = self.nodes[key]
            if node.instruction.op_type not in allowed or not node.inputs:
                return node
            key = node.inputs[0]
        return key

    def ancestors(self, key: Key) -> tuple[set[Key], set[int]]:
        """All nodes and all arguments that a node depends on, itself included."""
        nodes: set[Key] = set()
        arguments: set[int] = set()
        pending: list[Key | int | None] = [key]
        while pending:
            one = pending.pop()
            if isinstance(one, int):
                arguments.add(one)
            elif one is not None and one not in nodes:
                nodes.add(one)
                pending.extend(self.nodes[one].inputs)
        return nodes, arguments


def flow_of(root: Scope, library: Library) -> Flow:
    """The data flow of a step; a loop's body appears once, fed by what enters the loop and by itself."""
    flow = Flow()
    flow.outputs = tuple(_inline(flow, root, library, list(range(len(root.program.inputs)))))
    for node in flow.nodes.values():
        for source in node.inputs:
            if source is not None:
                flow.consumers.setdefault(source, []).append(node.key)
    return flow


def _inline(flow: Flow, scope: Scope, library: Library, arguments: list[Key | int | None]) -> list[Key | int | None]:
    program = scope.program
    made: dict[int, Key | int | None] = dict(zip(program.inputs, arguments, strict=True))
    for instruction in program.instructions:
        sources = [made.get(register) for register in instruction.inputs]
        if instruction.kind in (Kind.CALL, Kind.WHILE, Kind.BRANCH):
            results = _call(flow, scope, instruction, library, sources)
        elif instruction.kind is Kind.ALIAS:
            results = sources[:1]
        elif instruction.kind is Kind.NOTHING:
            continue
        else:
            key: Key = (scope.path, instruction.index)
            flow.nodes[key] = Node(key, scope, instruction, tuple(sources))
            results = [key] * len(instruction.outputs)
        made.update(zip(instruction.outputs, results, strict=True))
    return [made.get(register) for register in program.outputs]


def _call(
    flow: Flow, scope: Scope, instruction: Instruction, library: Library, sources: list[Key | int | None]
) -> list[Key | int | None]:
    def inline(body: int, given: list[Key | int | None]) -> list[Key | int | None]:
        child = called(scope, instruction, body, library)
        return _inline(flow, child, library, given)

    if instruction.kind is Kind.CALL:
        return inline(0, sources)
    if instruction.kind is Kind.WHILE:
        inline(0, sources)
        return inline(1, sources)
    branches = [inline(body, sources[1:]) for body in range(len(instruction.bodies))]
    return branches[-1]
