"""What a remedy is as an operation on the step: which op is replaced by what, or what is fed instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import tensorflow as tf

from nandoctor.facts import Facts, Origin
from nandoctor.facts.trial import Reach
from nandoctor.finding import Finding
from nandoctor.probes.steps.flow import Node
from nandoctor.probes.steps.naming import is_gradient
from nandoctor.probes.steps.program import Kind
from nandoctor.probes.steps.trace import Batch, Step
from nandoctor.probes.trials.differentiation import NOTHING_CHANGED, Place, Surgery
from nandoctor.probes.trials.feeding import (
    bounded,
    changed,
    imputed,
    logarithm,
    missing,
    nonfinite_rows,
    shifted,
    standardized,
)
from nandoctor.probes.trials.forms import Form, log_cosh, loss_from_logits, place_of, stable_form
from nandoctor.probes.trials.replacements import edits

ANOTHER_RUN = "it takes another run, not another step"
IN_THE_PIPELINE = "it lies in the input pipeline, which the step does not hold"
ON_EVERY_ROW = "it changes what is computed on every row: whether it is as good is for you to say"
NOT_ONE_OP = "it is no change of one op, of the loss or of what is fed"
UNTRIED = {
    "guard-the-maker": IN_THE_PIPELINE,
    "positive-activation": ON_EVERY_ROW,
    "atan2": ON_EVERY_ROW,
    "squared": ON_EVERY_ROW,
    "normalize": ON_EVERY_ROW,
    "scale-operands": ON_EVERY_ROW,
    "scale-operand": ON_EVERY_ROW,
    "scale-factors": ON_EVERY_ROW,
    "scale-base": ON_EVERY_ROW,
    "bfloat16": "the weights are in float16: it takes another run",
    **dict.fromkeys(
        (
            "lower-learning-rate",
            "raise-learning-rate",
            "clip-gradient",
            "scale-data",
            "default-initializer",
            "leaky-relu",
            "smaller-learning-rate",
            "bound-schedule",
            "default-epsilon",
            "larger-epsilon",
            "float32-weights",
            "checkpoint",
            "restore-checkpoint",
            "drop-remainder",
            "larger-batch",
            "bounded-activation",
            "recurrent-initializer",
        ),
        ANOTHER_RUN,
    ),
}
"""Why remedies that are no operation on one step are not tried on it."""


@dataclass(frozen=True)
class Operation:
    """One way to carry a remedy out: ops replaced, or another batch fed.

    `keeps` says that the rows that were fine must not change. `fed` gives the batch to feed, `without` the rows of it
    to leave out.
    """

    tried: str
    surgery: Surgery = field(default=NOTHING_CHANGED)
    fed: Callable[[Batch], Batch] | None = None
    without: Callable[[Batch], frozenset[int]] | None = None
    reach: Reach = "op"
    keeps: bool = True


def operations(step: Step, facts: Facts, finding: Finding, remedy: str) -> tuple[Operation, ...]:
    """The operations that a finding's remedy amounts to, the mildest first; empty where it is none on one step."""
    origin = _origin(facts, finding)
    if origin is None and remedy == "float32-layer":
        origin = next((one for one in map(partial(_origin, facts), finding.consequences) if one is not None), None)
    if origin is not None and origin.kind == "op":
        found = tuple(_on_ops(step, origin, remedy))
        if found:
            return found
    if remedy == "without-the-term":
        term = (finding.about or "").removeprefix("term:")
        return tuple(_replaced(step, _named(step, term), remedy, "float32"))
    return tuple(_on_data(facts, finding, remedy))


def _origin(facts: Facts, finding: Finding) -> Origin | None:
    origins = facts.step.origins if facts.step is not None else ()
    return next((origin for origin in origins if origin.about == finding.about), None)


def _on_ops(step: Step, origin: Origin, remedy: str) -> Iterator[Operation]:
    nodes = forward_nodes(step, origin)
    if not nodes:
        return
    node, dtype = nodes[0], _dtype(origin)
    form: Form | None = None
    match remedy:
        case "loss-from-logits":
            form = loss_from_logits(step, node)
        case "stable-form" | "stable-softmax":
            form = stable_form(step, _exponential(step, node))
        case "log-cosh":
            form = log_cosh(step, node)
        case "bfloat16" if not _in_float16(step):
            yield Operation("bfloat16 in the place of float16", Surgery(in_bfloat16=True), reach="model")
        case "op-in-float32" | "float32-layer":
            places = frozenset(map(place_of, nodes))
            yield Operation("float32 from this op up to the next conversion", Surgery(widened=places))
            yield Operation("float32 from this op on", Surgery(widened=places, widened_on=True))
    if form is not None:
        yield Operation(form.tried, form.surgery, reach="loss")
    yield from _replaced(step, nodes, remedy, dtype)


def _replaced(step: Step, nodes: list[Node], remedy: str, dtype: str) -> Iterator[Operation]:
    """The ops replaced; then those of their kind as well that the same change of the source would reach."""
    if not nodes:
        return
    alike = _alike(step, nodes)
    for edit in edits(remedy, nodes[0].instruction.op_type, dtype):
        for places in dict.fromkeys((tuple(map(place_of, nodes)), tuple(map(place_of, alike)))):
            yield Operation(edit.tried, Surgery(dict.fromkeys(places, edit.run)))


def forward_nodes(step: Step, origin: Origin) -> list[Node]:
    """The forward ops behind an origin, by name; by layer, type and last name where the step has another scope."""
    exact = _named(step, origin.op)
    if exact:
        return exact
    last = origin.op.rpartition("/")[2]
    return [
        node
        for node in step.flow.nodes.values()
        if not is_gradient(node.instruction.name)
        and node.instruction.op_type == origin.op_type
        and step.own_name(node.instruction.name).rpartition("/")[2] == last
        and step.names.layer(node.instruction.name) == origin.layer
    ]


def places_looked_at(operation: Operation) -> frozenset[Place]:
    """The ops that an operation replaces."""
    return frozenset(operation.surgery.replaced) | operation.surgery.widened


def _named(step: Step, name: str) -> list[Node]:
    return [
        node
        for node in step.flow.nodes.values()
        if step.own_name(node.instruction.name) == name and not is_gradient(node.instruction.name)
    ]


def _alike(step: Step, nodes: list[Node]) -> list[Node]:
    """All ops of the type that come from the same line of the source in the same layer, where the line is known."""
    first = nodes[0].instruction
    line = step.lines.get(step.own_name(first.name))
    if line is None:
        return nodes
    return [
        node
        for node in step.flow.nodes.values()
        if node.instruction.op_type == first.op_type
        and not is_gradient(node.instruction.name)
        and (step.lines.get(step.own_name(node.instruction.name)) or (None,))[:2] == line[:2]
        and step.names.layer(node.instruction.name) == step.names.layer(first.name)
    ]


def _exponential(step: Step, node: Node) -> Node:
    """The exponential behind a quotient of exponentials; the node itself where it is one."""
    if node.instruction.op_type == "RealDiv":
        above = step.flow.upstream(node.inputs[0], {"Identity"})
        return above if above is not None else node
    return node


def _in_float16(step: Step) -> bool:
    """Whether the step reads a variable in float16: its gradient would be in float16 still."""
    narrow = tf.float16.as_datatype_enum
    return any(
        narrow in node.instruction.attrs[1::2]
        for node in step.flow.nodes.values()
        if node.instruction.kind is Kind.READ
    )


def _dtype(origin: Origin) -> str:
    floats = [operand.dtype for operand in origin.floats]
    return floats[0] if floats else origin.output_dtype


def _on_data(facts: Facts, finding: Finding, remedy: str) -> Iterator[Operation]:
    about = finding.about or ""
    array = next((one for one in facts.data.arrays if one.about == about), None) if facts.data else None
    own = f"{array.role}:{array.bound_to or array.name}" if array is not None else None
    match remedy:
        case "drop-rows" | "correct-rows":
            yield Operation(
                "the step without these rows",
                without=lambda batch: _bad_rows(facts, finding, batch),
                reach="data",
            )
        case "impute" | "read-as-missing" if not isinstance(finding.evidence.get("value"), int | float):
            yield Operation(
                "the mean of the column in the place of NaN", fed=lambda batch: changed(batch, imputed), reach="data"
            )
        case "read-as-missing":
            value = float(finding.evidence["value"])
            tried = f"the mean of the column in the place of {value:g}"
            yield Operation(tried, fed=lambda batch: changed(batch, missing(value), own), reach="data")
        case "bound-column":
            yield Operation(
                "the largest finite value of the column in the place of Inf",
                fed=lambda batch: changed(batch, bounded),
                reach="data",
            )
        case "scale-input" | "standardize-columns" | "standardize-target" if own is not None:
            yield Operation(
                "the columns standardized",
                fed=lambda batch: changed(batch, standardized(array), own),
                reach="data",
                keeps=False,
            )
        case "log-target" if own is not None:
            yield Operation(
                "the logarithm of the targets",
                fed=lambda batch: changed(batch, logarithm, own),
                reach="data",
                keeps=False,
            )
        case "renumber-classes" if own is not None and float(finding.evidence.get("minimum") or 0) > 0:
            lowest = float(finding.evidence["minimum"])
            yield Operation(
                f"the labels minus {lowest:g}",
                fed=lambda batch: changed(batch, shifted(lowest), own),
                reach="data",
                keeps=False,
            )


def _bad_rows(facts: Facts, finding: Finding, batch: Batch) -> frozenset[int]:
    """The rows of the batch that a finding is about: its own, those of its op, those with cells that are not finite."""
    found = set(nonfinite_rows(batch))
    origin = _origin(facts, finding)
    if origin is not None:
        found.update(origin.rows or ())
    for refusal in facts.step.refusals if facts.step else ():
        if finding.about == f"refusal:{refusal.op}":
            found.update(refusal.rows or ())
    if finding.location.dataset_rows and facts.data is not None and facts.data.batch_rows:
        wanted = set(finding.location.dataset_rows)
        found.update(place for place, row in enumerate(facts.data.batch_rows) if row in wanted)
    return frozenset(found)
