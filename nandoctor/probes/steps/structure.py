"""What the step's graph says about the model's inputs and heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nandoctor.facts import HeadFacts, InputFacts
from nandoctor.facts.subject import Activation
from nandoctor.probes.models.subject import InputSpec
from nandoctor.probes.steps.births import ELEMENTWISE
from nandoctor.probes.steps.flow import (
    AFFINE,
    FUSED_NORMALIZATIONS,
    KERNELS,
    LOOKUPS,
    REWEIGHTING,
    SCALINGS,
    TRANSPARENT,
    Flow,
    Key,
    Node,
)
from nandoctor.probes.steps.naming import is_gradient
from nandoctor.probes.steps.observation import SELECTS
from nandoctor.probes.steps.trace import Step
from nandoctor.probes.steps.watched import Watched
from nandoctor.stats import TensorStats

ACTIVATIONS: Mapping[str, Activation] = {
    "Softmax": "softmax",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Relu": "relu",
    "Relu6": "relu",
}
ENDS: Mapping[str, tuple[float, float]] = {"Softmax": (1e-3, 0.999), "Sigmoid": (1e-3, 0.999), "Tanh": (-0.999, 0.999)}
SCALED = 1e2
LINEAR = KERNELS | {"BiasAdd", "AddV2", "Add", "Sub"}
SHAPES_ONLY = {"Identity", "IdentityN", "Reshape", "Squeeze", "ExpandDims", "Cast", "Transpose", "EnsureShape"}
INDEX_ARITHMETIC = TRANSPARENT | {"Add", "AddV2", "FloorMod", "Select", "SelectV2", "Sub"}
NOT_DIFFERENTIABLE = {
    "ArgMax", "ArgMin", "Bucketize", "Ceil", "Equal", "Floor", "Greater", "GreaterEqual", "Less", "LessEqual",
    "NotEqual", "OneHot", "Rint", "Round", "Sign", "StopGradient", "TopKV2", "PyFunc", "EagerPyFunc",
    "NumpyFunction",
}  # fmt: skip


def layer_outputs(step: Step) -> dict[str, Node]:
    """The op that gives each layer's output, by layer path in order of execution; ops inside loops are left out."""
    outputs = {key for key in step.flow.outputs if isinstance(key, tuple)}
    found: dict[str, Node] = {}
    for key, node in step.flow.nodes.items():
        if node.scope.in_loop or not node.instruction.floats or is_gradient(node.instruction.name):
            continue
        layer = step.names.layer(node.instruction.name)
        if layer is None or not (key in outputs or _leaves(step, key, layer)):
            continue
        found.pop(layer, None)
        found[layer] = node
    fed = fed_nodes(step)
    return {layer: node for layer, node in found.items() if node.key in fed}


def fed_nodes(step: Step) -> set[Key]:
    """The nodes that depend on the data."""
    found: set[Key] = set()
    for key, node in step.flow.nodes.items():
        if any(one in found if isinstance(one, tuple) else one in range(len(step.fed)) for one in node.inputs):
            found.add(key)
    return found


def _leaves(step: Step, key: Key, layer: str) -> bool:
    for consumer in step.flow.consumers.get(key, []):
        name = step.flow.nodes[consumer].instruction.name
        other = step.names.layer(name)
        if not is_gradient(name) and other != layer and not (other or "").startswith(f"{layer}/"):
            return True
    return False


def head_nodes(step: Step) -> dict[str, Node]:
    """The last op before each output that does more than reshape, by output name."""
    found: dict[str, Node] = {}
    for (kind, name), source in zip(step.results, step.flow.outputs, strict=True):
        node = step.flow.upstream(source, SHAPES_ONLY) if kind == "output" else None
        if node is not None:
            found[name] = node
    return found


def head_facts(
    step: Step, shapes: Mapping[str, tuple[tuple[int | None, ...], str]], seen: Mapping[Key, Watched]
) -> tuple[HeadFacts, ...]:
    """Facts of each output; `shapes` gives (shape, dtype) by output name, `seen` what was observed of its last op."""
    nodes = head_nodes(step)
    facts: list[HeadFacts] = []
    for output, (shape, dtype) in shapes.items():
        node = nodes.get(output)
        watched = seen.get(node.key) if node else None
        op_type = node.instruction.op_type if node else None
        facts.append(
            HeadFacts(
                output=output,
                layer=step.names.layer(node.instruction.name) if node else None,
                op=node.instruction.name if node else None,
                op_type=op_type,
                units=(1 if len(shape) == 1 else shape[-1]) if shape else 1,
                shape=shape,
                dtype=dtype,
                activation=_activation(op_type),
                earlier_activation=_earlier(step.flow, node),
                stats=watched.stats if watched else None,
                row_sums=watched.row_sums if watched else None,
            )
        )
    return tuple(facts)


def _activation(op_type: str | None) -> Activation:
    return ACTIVATIONS.get(op_type or "", "linear" if op_type in LINEAR else "other")


def _earlier(flow: Flow, node: Node | None) -> Activation | None:
    if node is None or node.instruction.op_type not in ("Softmax", "Sigmoid") or not node.inputs:
        return None
    before = flow.upstream(node.inputs[0], SHAPES_ONLY)
    activation = ACTIVATIONS.get(before.instruction.op_type) if before else None
    return activation if activation in ("softmax", "sigmoid") else None


def first_kernels(step: Step, argument: int) -> list[Node]:
    """The kernels (matrix products, convolutions) that an input reaches before any nonlinearity."""
    nodes = step.flow.downstream(argument, TRANSPARENT | AFFINE)
    return [node for node in nodes if node.instruction.op_type in KERNELS]


def input_facts(step: Step, specs: Sequence[InputSpec], seen: Mapping[Key, Watched]) -> tuple[InputFacts, ...]:
    """Facts of each input: what reads it first, whether it is looked up or rescaled, what reaches the first kernel."""
    facts: list[InputFacts] = []
    for spec in specs:
        argument = step.fed.index(spec.name)
        first = [node.instruction.op_type for node in step.flow.downstream(argument, TRANSPARENT)]
        consumers = tuple(dict.fromkeys(op_type for op_type in first if op_type not in TRANSPARENT))
        operands = [
            source for node in first_kernels(step, argument) for source in node.inputs[:1] if source != argument
        ]
        at_kernel = [seen[source].stats for source in operands if isinstance(source, tuple) and source in seen]
        facts.append(
            InputFacts(
                name=spec.name,
                shape=spec.shape,
                dtype=spec.dtype,
                consumers=consumers,
                embeds=_is_index(step, argument),
                scaled_by=_scaled_by(step, argument, at_kernel[0] if at_kernel else None),
                at_first_kernel=at_kernel[0] if at_kernel else None,
            )
        )
    return tuple(facts)


def _is_index(step: Step, argument: int) -> bool:
    """Whether an input's values are looked up in a table, perhaps after arithmetic on whole numbers.

    Keras 3 adds the length of the table to ids below 0.
    """
    for node in step.flow.downstream(argument, TRANSPARENT):
        if node.instruction.op_type in LOOKUPS:
            return True
        whole = not node.instruction.floats and node.instruction.op_type in INDEX_ARITHMETIC
        if whole and any(
            one.instruction.op_type in LOOKUPS for one in step.flow.downstream(node.key, INDEX_ARITHMETIC)
        ):
            return True
    return False


def _scaled_by(step: Step, argument: int, at_kernel: TensorStats | None) -> str | None:
    """The layer or op that rescales an input before the first nonlinearity, None without one.

    A normalization counts before and right after the first kernel; a product with or quotient by stored numbers counts
    before it, where what reaches the kernel is then within `SCALED`.
    """
    for node in step.flow.downstream(argument, REWEIGHTING):
        name = node.instruction.name
        if node.instruction.op_type in FUSED_NORMALIZATIONS or "batchnorm" in name.lower():
            return step.names.layer(name) or name
    if at_kernel is not None and at_kernel.max_abs > SCALED:
        return None
    fed = fed_nodes(step)
    for node in step.flow.downstream(argument, TRANSPARENT | AFFINE):
        name = node.instruction.name
        stored = any(isinstance(source, tuple) and source not in fed for source in node.inputs)
        if node.instruction.op_type in SCALINGS and stored:
            return step.names.layer(name) or name
    return None


def selecting_op(step: Step, name: str, batch_ops: Mapping[str, list[Key]]) -> str | None:
    """The Select/Where op that the op's value flows into element by element, None without one."""
    through = ELEMENTWISE - SELECTS
    for key in batch_ops.get(name, []):
        for node in step.flow.downstream(key, through):
            if node.instruction.op_type in SELECTS and not is_gradient(node.instruction.name):
                return node.instruction.name
    return None


def reading_ops(step: Step, name: str, batch_ops: Mapping[str, list[Key]]) -> tuple[str, ...]:
    """The types of the forward ops that read an op's value, and after a slash of those that read theirs: `Sum/Log`.

    Ops that only pass values on are passed over.
    """
    found: dict[str, None] = {}
    for key in batch_ops.get(name, []):
        for first in _readers(step.flow, key):
            found[first.instruction.op_type] = None
            for second in _readers(step.flow, first.key):
                found[f"{first.instruction.op_type}/{second.instruction.op_type}"] = None
    return tuple(found)


def _readers(flow: Flow, key: Key) -> list[Node]:
    nodes = [node for node in flow.downstream(key, SHAPES_ONLY) if not is_gradient(node.instruction.name)]
    return [node for node in nodes if node.instruction.op_type not in SHAPES_ONLY]


def kernel_source(step: Step, argument: int) -> str | None:
    """The op, or the input, whose result a kernel held by that captured variable multiplies; None for no kernel."""
    for node in step.flow.downstream(argument, SHAPES_ONLY | {"ReadVariableOp"}):
        if node.instruction.op_type in KERNELS and node.inputs and not is_gradient(node.instruction.name):
            source = node.inputs[0]
            while isinstance(source, tuple) and step.flow.nodes[source].instruction.op_type in SHAPES_ONLY:
                source = step.flow.nodes[source].inputs[0]
            if isinstance(source, int):
                return step.fed[source] if source < len(step.fed) else None
            return None if source is None else step.flow.nodes[source].instruction.name
    return None


def is_looked_up(step: Step, argument: int) -> bool:
    """Whether rows of a captured variable are looked up, as those of an embedding are."""
    used = step.flow.downstream(argument, {"ReadVariableOp", "Identity"})
    return any(node.instruction.op_type in LOOKUPS for node in used)


def cutting_op(step: Step, argument: int) -> str | None:
    """The op that lets no gradient through on the way from a captured variable to the loss, None if it is not used."""
    for node in step.flow.downstream(argument, _differentiable(step)):
        if node.instruction.op_type in NOT_DIFFERENTIABLE or not node.instruction.floats:
            return f"{node.instruction.name} ({node.instruction.op_type})"
    return None


def _differentiable(step: Step) -> set[str]:
    return {
        node.instruction.op_type
        for node in step.flow.nodes.values()
        if node.instruction.floats and node.instruction.op_type not in NOT_DIFFERENTIABLE
    }


def nodes_by_name(step: Step) -> dict[str, list[Key]]:
    """Keys of the forward ops by name."""
    found: dict[str, list[Key]] = {}
    for key, node in step.flow.nodes.items():
        if not is_gradient(node.instruction.name):
            found.setdefault(step.own_name(node.instruction.name), []).append(key)
    return found
