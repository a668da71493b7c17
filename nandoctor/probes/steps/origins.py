"""Births as observed become origins as reported: named, placed, with their rows and where their values went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nandoctor.facts import Operand, Origin, SourceLine
from nandoctor.facts.origin import Sink
from nandoctor.finding import Phase, Scalar
from nandoctor.probes.steps.births import KEPT_ATTRIBUTES, Birth, OperandSeen
from nandoctor.probes.steps.naming import forward_name, is_gradient
from nandoctor.probes.steps.observation import Mark, Observations
from nandoctor.probes.steps.program import Instruction
from nandoctor.probes.steps.structure import nodes_by_name, selecting_op
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
                dataset_rows=_dataset_rows(rows, batch_rows, birth.batch),
                reaches=reached.sinks(birth.id),
                absorbed_by=tuple(dict.fromkeys(absorbed.get(birth.id, []))),
                selected_by=selecting_op(step, origin.op, by_name) if birth.kind == "op" else None,
            )
        )
    return tuple(made)


def with_rows(origin: Origin, rows: tuple[int, ...] | None, note: str | None, batch_rows: Sequence[range]) -> Origin:
    """The origin with the rows that were found for it."""
    return replace(origin, rows=rows, rows_note=note, dataset_rows=_dataset_rows(rows, batch_rows, origin.batch))


def _dataset_rows(rows: tuple[int, ...] | None, batch_rows: Sequence[range], batch: int) -> tuple[int, ...] | None:
    if rows is None or batch >= len(batch_rows):
        return None
    return tuple(batch_rows[batch][row] for row in rows if row < len(batch_rows[batch]))


def _origin(step: Step, birth: Birth, lines: Lines) -> Origin:
    backward = birth.kind == "op" and is_gradient(birth.name)
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
        operands=tuple(_operand(step, seen) for seen in birth.operands),
        attributes=_attributes(birth),
        backward_op=birth.name if backward else None,
        backward_op_type=own_type if backward else None,
        source=lines.get(name),
        loop_iteration=birth.iteration,
        batch=birth.batch,
        seen_in_batches=len(birth.batches),
        parents=tuple(sorted(birth.parents)),
        after=tuple(sorted(birth.after)),
    )


def _operand(step: Step, seen: OperandSeen) -> Operand:
    maker = _maker(step, seen)
    return Operand(
        index=seen.index,
        dtype=seen.dtype,
        shape=seen.shape,
        stats=seen.stats,
        op=step.own_name(maker.name) if maker else None,
        op_type=maker.op_type if maker else None,
        layer=step.names.layer(maker.name) if maker else None,
        at_fault=seen.at_fault,
        values_at_fault=seen.values_at_fault,
    )


def _maker(step: Step, seen: OperandSeen) -> Instruction | None:
    """The op that made an operand's values; an op that only picks among them is passed over."""
    if seen.made_by is None:
        return None
    scope, instruction = seen.made_by
    node = step.flow.upstream((scope.path, instruction.index), PICKS)
    return node.instruction if node is not None and not is_gradient(instruction.name) else instruction


def _attributes(birth: Birth) -> dict[str, Scalar]:
    if birth.instruction is None:
        return {}
    attrs: dict[str, Any] = dict(zip(birth.instruction.attrs[::2], birth.instruction.attrs[1::2], strict=True))
    return {
        name: value for name, value in attrs.items() if name in KEPT_ATTRIBUTES and isinstance(value, int | float | str)
    }
