"""The profile of a step: layers, gradients, loops, from what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from nandoctor.facts import AbsorbedFacts, GradientFacts, LayerFacts, LoopFacts, NearLimit, SourceLine
from nandoctor.probes.compat.execution import real_parts, view
from nandoctor.probes.models.subject import Subject
from nandoctor.probes.steps.flow import Node
from nandoctor.probes.steps.naming import forward_name, is_gradient
from nandoctor.probes.steps.observation import Key, Observations
from nandoctor.probes.steps.run import Ran
from nandoctor.probes.steps.structure import (
    ENDS,
    cutting_op,
    fed_nodes,
    first_kernels,
    head_nodes,
    is_looked_up,
    kernel_source,
    layer_outputs,
)
from nandoctor.probes.steps.trace import Step
from nandoctor.probes.steps.watched import Look, sampled
from nandoctor.stats import TensorStats

MOST_LOOPS = 40
SQUASHING = {"Softmax", "Sigmoid"}


@dataclass
class GradientProfile:
    """Running statistics of each variable's gradient, of all and of a sample, and its largest norm in one batch."""

    stats: dict[str, TensorStats] = field(default_factory=dict)
    samples: dict[str, TensorStats] = field(default_factory=dict)
    norms: dict[str, float] = field(default_factory=dict)

    def add(self, step: Step, ran: Ran) -> None:
        """Add one batch's gradients."""
        for (kind, name), value in zip(step.results, ran.values, strict=True):
            if kind == "gradient":
                array = real_parts(view(value))
                stats = TensorStats.quickly(array)
                self.stats[name] = self.stats.get(name, TensorStats(histogram=None)) + stats
                self.samples[name] = self.samples.get(name, TensorStats()) + sampled(array)
                self.norms[name] = max(self.norms.get(name, 0.0), stats.norm)


def watch_list(step: Step) -> dict[Key, Look]:
    """The ops to look at in full: layers' outputs, heads, what reaches the first kernels and the softmaxes."""
    heads = [node.key for node in head_nodes(step).values()]
    nodes = [*layer_outputs(step).values(), *head_nodes(step).values()]
    for argument in range(len(step.fed)):
        for kernel in first_kernels(step, argument):
            source = kernel.inputs[0] if kernel.inputs else None
            if isinstance(source, tuple):
                nodes.append(step.flow.nodes[source])
    outside = [node for node in nodes if not node.scope.in_loop]
    wanted = {node.key: Look(ENDS.get(node.instruction.op_type), node.key in heads) for node in outside}
    for node in outside:
        logits = _logits(step, node)
        if logits is not None and not logits.scope.in_loop:
            wanted[logits.key] = replace(wanted.get(logits.key, Look()), spread=True)
    return wanted


def _logits(step: Step, node: Node) -> Node | None:
    """The op that gives what a softmax or sigmoid is taken of."""
    return step.flow.upstream(node.inputs[0], ()) if node.instruction.op_type in SQUASHING and node.inputs else None


def _margin(step: Step, node: Node, observations: Observations) -> float | None:
    """How far apart the logits of one row lie, at most; of a sigmoid the largest magnitude."""
    logits = _logits(step, node)
    seen = observations.watched.get(logits.key) if logits is not None else None
    if seen is None or not seen.stats.finite:
        return None
    return seen.stats.max_abs if node.instruction.op_type == "Sigmoid" else seen.spread


def layer_facts(step: Step, observations: Observations, *, inference: bool) -> tuple[LayerFacts, ...]:
    """Facts of each layer's output, in order of execution."""
    heads = {node.key for node in head_nodes(step).values()}
    facts: list[LayerFacts] = []
    for layer, node in layer_outputs(step).items():
        seen = observations.watched.get(node.key)
        if seen is None or not seen.stats.count:
            continue
        units = seen.shape[-1] if len(seen.shape) > 1 else None
        bounded = ENDS.get(node.instruction.op_type) is not None and seen.stats.finite > 0
        facts.append(
            LayerFacts(
                layer=layer,
                op=node.instruction.name,
                op_type=node.instruction.op_type,
                dtype=seen.dtype,
                activation=seen.stats,
                rows=seen.stats.count // max(int(np.prod(seen.shape[1:], dtype=np.int64)), 1),
                units=units,
                dead_units=None if seen.unit_extremes is None else int(np.count_nonzero(seen.unit_extremes <= 0)),
                low_share=seen.low_pinned / seen.stats.finite if bounded else None,
                high_share=seen.high_pinned / seen.stats.finite if bounded else None,
                head=node.key in heads,
                inference=inference,
                margin=_margin(step, node, observations),
                sample=seen.sample,
            )
        )
    return tuple(facts)


def nearest_limits(step: Step, observations: Observations) -> tuple[NearLimit, ...]:
    """The ops whose results used up half of their dtype's powers of two, nearest to the limit first (at most 8)."""
    found: list[NearLimit] = []
    for key, (dtype, magnitude) in observations.largest.items():
        node = step.flow.nodes[key]
        name = forward_name(node.instruction.name)
        found.append(NearLimit(name, node.instruction.op_type, step.names.layer(name), dtype, magnitude))
    found.sort(key=lambda one: one.headroom)
    return tuple(found[:8])


def absorbed_facts(step: Step, observations: Observations) -> tuple[AbsorbedFacts, ...]:
    """The additions of which one operand, computed from the data, was absorbed by the other at nearly all places."""
    fed = fed_nodes(step)
    facts: list[AbsorbedFacts] = []
    for key, seen in observations.absorbed.items():
        node = step.flow.nodes.get(key)
        if node is None or len(node.inputs) != 2 or node.inputs[seen.small_operand] not in fed:
            continue
        name = node.instruction.name
        small, large = (
            step.flow.upstream(node.inputs[place], ()) for place in (seen.small_operand, 1 - seen.small_operand)
        )
        facts.append(
            AbsorbedFacts(
                op=name,
                op_type=node.instruction.op_type,
                layer=step.names.layer(name),
                dtype=seen.dtype,
                places=seen.places,
                absorbed=seen.absorbed,
                small=seen.small,
                large=seen.large,
                small_from=small.instruction.name if small else None,
                large_from=large.instruction.name if large else None,
            )
        )
    return tuple(facts)


def gradient_facts(step: Step, profile: GradientProfile, subject: Subject) -> tuple[GradientFacts, ...]:
    """Facts of each trainable variable's gradient, in the model's order; none where no gradients were taken."""
    if not profile.stats and not step.unconnected:
        return ()
    handles = {id(tensor): place for place, tensor in enumerate(step.captured(), start=len(step.fed))}
    facts: list[GradientFacts] = []
    for named in subject.variables:
        if not named.trainable:
            continue
        argument = handles.get(id(named.variable.handle))
        stats = profile.stats.get(named.name)
        facts.append(
            GradientFacts(
                variable=named.name,
                layer=step.names.variable_layer(named.name),
                shape=tuple(named.variable.shape),
                dtype=named.variable.dtype.name,
                stats=stats,
                norm=profile.norms.get(named.name, 0.0),
                weight_norm=TensorStats.of(named.variable.numpy(), histogram=False).norm,
                cut_by=cutting_op(step, argument) if stats is None and argument is not None else None,
                looked_up=argument is not None and is_looked_up(step, argument),
                reads=None if argument is None else kernel_source(step, argument),
                sample=profile.samples.get(named.name),
            )
        )
    return tuple(facts)


def loop_facts(step: Step, observations: Observations, lines: Mapping[str, SourceLine]) -> tuple[LoopFacts, ...]:
    """The magnitudes of ops in loops over the iterations; those that grew most, at most `MOST_LOOPS`."""
    facts: list[LoopFacts] = []
    for key, magnitudes in observations.series.items():
        node = step.flow.nodes.get(key)
        if node is None or len(magnitudes) < 3 or is_gradient(node.instruction.name):
            continue
        name = node.instruction.name
        facts.append(
            LoopFacts(
                loop=node.scope.path[-1],
                op=name,
                op_type=node.instruction.op_type,
                layer=step.names.layer(name),
                dtype="float32",
                max_abs=tuple(magnitudes),
                source=lines.get(name),
            )
        )
    facts.sort(key=lambda fact: -_growth(fact.max_abs))
    return tuple(facts[:MOST_LOOPS])


def _growth(magnitudes: tuple[float, ...]) -> float:
    first = next((value for value in magnitudes if value > 0), 1.0)
    return max(magnitudes) / first
