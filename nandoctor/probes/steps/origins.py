"""Births as observed become origins as reported: named, placed, with their rows and where their values went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nandoctor.facts import Operand, Origin, SourceLine
from nandoctor.facts.origin import OperandKind, Sink
from nandoctor.finding import Phase, Scalar
from nandoctor.probes.steps.births import KEPT_ATTRIBUTES, Birth, OperandSeen
from nandoctor.probes.steps.flow import Key, Node
from nandoctor.probes.steps.naming import forward_name, is_gradient
from nandoctor.probes.steps.observation import Mark, Observations
from nandoctor.probes.steps.program import Kind
from nandoctor.probes.steps.structure import nodes_by_name, reading_ops, selecting_op
from nandoctor.probes.steps.trace import Step

PICKS = {
    "Cast",
    "ExpandDims",
    "Gather",
    "GatherNd",
    "GatherV2",
    "Identity",
    "Reshape",
    "Slice",
    "Squeeze",
    "StridedSlice",
}
Lines = Mapping[str, SourceLine]


@dataclass(frozen=True)
class Reached:
    """The births whose values arrived in the results of any batch, by kind of result."""

    output: frozenset[int] = frozenset()
    loss: frozenset[int] = frozenset()
    gradient: frozenset[int] = frozenset()

    def with_marks(self, step: Step, marks: Sequence[Mark]) -> Reached:
        """The same with one more batch's results."""
        found: dict[str, set[int]] = {"output": set(), "loss": set(), "gradient": set()}
        for (kind, _), mark in zip(step.results, marks, strict=True):
            found[kind] |= mark.taint
        return Reached(self.output | found["output"], self.loss | found["loss"], self.gradient | found["gradient"])

    def sinks(self, birth: int) -> tuple[Sink, ...]:
        """Where a birth's values arrived."""
        kinds: tuple[tuple[Sink, frozenset[int]], ...] = (
            ("output", self.output),
            ("loss", self.loss),
            ("gradient", self.gradient),
        )
        return tuple(kind for kind, births in kinds if birth in births)


def origins_of(
    step: Step, observations: Observations, reached: Reached, lines: Lines, batch_rows: Sequence[range]
) -> tuple[Origin, ...]:
    """Origins of one step in order of birth; rows are those in which the values lie, not yet narrowed down."""
    by_name = nodes_by_name(step)
    absorbed: dict[int, list[str]] = {}
    for absorber in observations.absorbers.values():
        for number in sorted(absorber.births):
            absorbed.setdefault(number, []).append(absorber.instruction.op_type)
    made: list[Origin] = []
    for birth in observations.births.values():
        origin = _origin(step, birth, lines)
        rows = birth.rows_guess
        made.append(
            replace(
                origin,
                rows=rows,
                dataset_rows=dataset_rows(rows, batch_rows, birth.batch),
                reaches=reached.sinks(birth.id),
                absorbed_by=tuple(dict.fromkeys(absorbed.get(birth.id, []))),
                selected_by=selecting_op(step, origin.op, by_name) if birth.kind == "op" else None,
                readers=reading_ops(step, origin.op, by_name) if birth.kind == "op" else (),
            )
        )
    return tuple(made)


def with_rows(origin: Origin, rows: tuple[int, ...] | None, note: str | None, batch_rows: Sequence[range]) -> Origin:
    """The origin with the rows that were found for it."""
    return replace(origin, rows=rows, rows_note=note, dataset_rows=dataset_rows(rows, batch_rows, origin.batch))


def dataset_rows(rows: tuple[int, ...] | None, batch_rows: Sequence[range], batch: int) -> tuple[int, ...] | None:
    """Rows of a batch as rows of the data."""
    if rows is None or batch >= len(batch_rows):
        return None
    return tuple(batch_rows[batch][row] for row in rows if row < len(batch_rows[batch]))


def _origin(step: Step, birth: Birth, lines: Lines) -> Origin:
    differentiated = birth.kind == "op" and is_gradient(birth.name)
    backward = differentiated or _adds_gradients(step, birth)
    name = step.own_name(forward_name(birth.name)) if birth.kind in ("op", "constant") else birth.name
    own_type = birth.instruction.op_type if birth.instruction else "Input"
    op_type = step.op_types.get(name, own_type) if backward else own_type
    if backward and name not in step.op_types:
        name = birth.name
    phase: Phase = "data" if birth.kind == "input" else "backward" if backward else "forward"
    return Origin(
        id=birth.id,
        kind=birth.kind,
        phase=phase,
        op=name,
        op_type=op_type,
        layer=step.names.variable_layer(name) if birth.kind == "variable" else step.names.layer(name),
        output=birth.output,
        output_dtype=birth.dtype,
        output_shape=birth.shape,
        operands=tuple(_operand(step, birth, seen) for seen in birth.operands),
        attributes=_attributes(birth),
        backward_op=birth.name if differentiated else None,
        backward_op_type=own_type if differentiated else None,
        source=lines.get(name),
        loop_iteration=birth.iteration,
        batch=birth.batch,
        seen_in_batches=len(birth.batches),
        parents=tuple(sorted(birth.parents)),
        after=tuple(sorted(birth.after)),
    )


def _adds_gradients(step: Step, birth: Birth) -> bool:
    """Whether it is the sum of the gradients that one tensor gets from several places: an op outside of their scope."""
    if birth.scope is None or birth.instruction is None or birth.instruction.op_type != "AddN":
        return False
    node = step.flow.nodes.get((birth.scope.path, birth.instruction.index))
    makers = [step.flow.source(made, PICKS) for made in node.inputs] if node is not None else []
    return bool(makers) and all(isinstance(one, Node) and is_gradient(one.instruction.name) for one in makers)


def _operand(step: Step, birth: Birth, seen: OperandSeen) -> Operand:
    operand = Operand(
        index=seen.index,
        dtype=seen.dtype,
        shape=seen.shape,
        stats=seen.stats,
        at_fault=seen.at_fault,
        values_at_fault=seen.values_at_fault,
    )
    maker = _maker(step, birth, seen)
    if isinstance(maker, Node) and maker.instruction.kind is Kind.READ:
        held = maker.inputs[0]
        if isinstance(held, int) and held in step.variables:
            name = step.variables[held]
            layer = step.names.variable_layer(name)
            return replace(operand, kind="variable", op=name, op_type=maker.instruction.op_type, layer=layer)
    if isinstance(maker, Node):
        name, op_type = maker.instruction.name, maker.instruction.op_type
        stored = maker.instruction.kind is Kind.CONSTANT
        kind: OperandKind = "gradient" if is_gradient(name) else "constant" if stored else "op"
        return replace(operand, kind=kind, op=step.own_name(name), op_type=op_type, layer=step.names.layer(name))
    if maker is not None and maker < len(step.fed):
        return replace(operand, kind="input", op=step.fed[maker])
    return operand


def _maker(step: Step, birth: Birth, seen: OperandSeen) -> Node | int | None:
    """The op that made an operand's values, or the argument that they were fed as.

    An op of the model that only picks among values is passed over.
    """
    if seen.made_by is not None:
        scope, instruction = seen.made_by
        made: Key | int | None = (scope.path, instruction.index)
        if is_gradient(instruction.name):
            return step.flow.nodes.get((scope.path, instruction.index))
    elif birth.scope is None or birth.instruction is None:
        return None
    else:
        node = step.flow.nodes.get((birth.scope.path, birth.instruction.index))
        made = node.inputs[seen.index] if node is not None and seen.index < len(node.inputs) else None
    return step.flow.source(made, PICKS)


def _attributes(birth: Birth) -> dict[str, Scalar]:
    if birth.instruction is None:
        return {}
    attrs: dict[str, Any] = dict(zip(birth.instruction.attrs[::2], birth.instruction.attrs[1::2], strict=True))
    return {
        name: value for name, value in attrs.items() if name in KEPT_ATTRIBUTES and isinstance(value, int | float | str)
    }
