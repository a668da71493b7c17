"""The terms that the loss is the sum of, and what was seen of each."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nandoctor.facts import SourceLine, TermFacts
from nandoctor.probes.steps.flow import Key, Node
from nandoctor.probes.steps.observation import Observations
from nandoctor.probes.steps.structure import head_nodes
from nandoctor.probes.steps.trace import Step

PASSED = {"Cast", "DivNoNan", "ExpandDims", "Identity", "Mean", "Neg", "Reshape", "Squeeze", "StopGradient", "Sum"}
SCALED = {"Mul", "RealDiv"}
ADDED = {"Add", "AddN", "AddV2", "Pack", "Sub"}
MOST_TERMS = 64


def possible_terms(step: Step) -> list[Key]:
    """The ops that may give a term of the loss: what it is a sum of, and what these are sums of."""
    pending: list[Key] = list(_added(step, _loss(step)))
    found: list[Key] = []
    while pending and len(found) < MOST_TERMS:
        key = pending.pop(0)
        found.append(key)
        pending += _added(step, key)
    return found


def term_facts(
    step: Step, observations: Observations, origins: Mapping[int, int], lines: Mapping[str, SourceLine]
) -> tuple[TermFacts, ...]:
    """Facts of each term; `origins` give the origins by the births of this step. Empty for a loss of one term."""
    keys = _terms(step, _loss(step), observations)
    if len(keys) < 2:
        return ()
    heads = {node.key: output for output, node in head_nodes(step).items()}
    facts: list[TermFacts] = []
    for key in keys:
        node, seen = _without_additions(step, key), observations.watched[key]
        before, arguments = step.flow.ancestors(key)
        name = step.own_name(node.instruction.name)
        outputs = tuple(output for head, output in heads.items() if head in before)
        facts.append(
            TermFacts(
                op=name,
                op_type=node.instruction.op_type,
                layer=step.names.layer(name),
                outputs=outputs,
                stats=seen.stats,
                origins=tuple(sorted(origins[birth] for birth in seen.births if birth in origins)),
                variables=() if outputs else tuple(name for held, name in step.variables.items() if held in arguments),
                source=lines.get(name),
            )
        )
    return tuple(facts)


def _without_additions(step: Step, key: Key) -> Node:
    """The op that gives a term, before a constant was added to it (Python's sum starts from 0)."""
    node = step.flow.nodes[key]
    while node.instruction.op_type in ADDED and len(parts := _dependent(step, node)) == 1:
        node = step.flow.nodes[parts[0]]
    return node


def _dependent(step: Step, node: Node) -> list[Key]:
    """The operands that depend on anything fed or stored."""
    return [source for source in node.inputs if isinstance(source, tuple) and step.flow.ancestors(source)[1]]


def _loss(step: Step) -> Key | None:
    sources = [source for (kind, _), source in zip(step.results, step.flow.outputs, strict=True) if kind == "loss"]
    return next((source for source in sources if isinstance(source, tuple)), None)


def _terms(step: Step, key: Key | None, observations: Observations) -> list[Key]:
    """The terms at or below an op: itself, unless it is a sum of single numbers."""
    if key is None:
        return []
    parts = _added(step, key)
    single = all(part in observations.watched and math.prod(observations.watched[part].shape) == 1 for part in parts)
    if not parts or not single:
        return [key] if key in observations.watched else []
    return [term for part in parts for term in _terms(step, part, observations)]


def _added(step: Step, key: Key | None) -> tuple[Key, ...]:
    """What is added up, at or before an op that does no more to the sum than scale or average it; empty for no sum."""
    while key is not None:
        node = step.flow.nodes[key]
        op_type = node.instruction.op_type
        parts = _dependent(step, node)
        if node.scope.in_loop:
            return ()
        if op_type in ADDED and len(parts) > 1:
            return tuple(parts)
        if op_type in ADDED or (op_type in SCALED and len(parts) == 1):
            key = parts[0] if parts else None
        elif op_type in PASSED and isinstance(node.inputs[0], tuple):
            key = node.inputs[0]
        else:
            return ()
    return ()
