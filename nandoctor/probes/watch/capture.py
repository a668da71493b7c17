"""A failing step, taken out of the running script: its graph, what it was fed, and the weights that it failed on.

Everything in it is plain data, so that it can be written to a file and run again elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nandoctor.facts.origin import Sink
from nandoctor.probes.models.unique_names import unique_names
from nandoctor.stats import Array

_TAPE = re.compile(r"^gradient_tape(?:_\d+)?/(.+)/[^/]+$")


@dataclass(frozen=True)
class Fed:
    """A tensor of the graph that is given from outside: its name there, its value.

    `role` is "input" or "label" for what the batch consists of, "random" for random numbers that the step draws,
    "state" for what is not of the batch (the state of a generator, a counter), "constant" for what the traced function
    held.
    """

    name: str
    tensor: str
    role: str
    value: Array


@dataclass(frozen=True)
class Held:
    """A variable: the tensor of the graph that is its handle, its name, its value."""

    name: str
    tensor: str
    trainable: bool
    value: Array


@dataclass(frozen=True)
class StepCapture:
    """One step of training, or of an evaluation.

    `graph` is a serialized GraphDef. `results` are what the step gives: (kind, name, tensor), kind "output", "loss" or
    "gradient"; `terms` the named parts of the loss. `lines` are (file, line, function, code) by forward op. `layers`
    are paths, `root` the name of the model. `compiled` says that XLA ran it,
    `evaluation` that it is a batch of evaluate or predict.
    """

    graph: bytes
    fed: tuple[Fed, ...]
    held: tuple[Held, ...]
    results: tuple[tuple[Sink, str, str], ...]
    terms: tuple[tuple[str, str], ...] = ()
    lines: Mapping[str, tuple[str, int, str, str]] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    root: str | None = None
    compiled: bool = False
    evaluation: bool = False


@dataclass(frozen=True)
class FedBatch:
    """What a captured step was fed: inputs and labels of the batch, each under a name of its own, and the `others`.

    `noise` are random numbers that were drawn for each row: a part of the batch is run with its own. `rows` is how many
    rows the batch has (1 where nothing fed has any); what has another number of them is not of the batch.
    """

    rows: int
    inputs: tuple[Fed, ...]
    labels: tuple[Fed, ...]
    noise: tuple[Fed, ...]
    others: tuple[Fed, ...]


def fed_batch(capture: StepCapture) -> FedBatch:
    """The batch in what the step was fed."""
    able = [one for one in capture.fed if one.role in ("input", "label") and one.value.ndim > 0]
    rows = len(able[0].value) if able else 1
    drawn = [one for one in capture.fed if one.role == "random" and one.value.ndim > 0]
    batch = [one for one in (*able, *drawn) if len(one.value) == rows]
    others = tuple(one for one in capture.fed if all(one is not other for other in batch))
    inputs, labels, noise = (
        _uniquely_named([one for one in batch if one.role == role]) for role in ("input", "label", "random")
    )
    return FedBatch(rows, inputs, labels, noise, others)


def _uniquely_named(fed: Sequence[Fed]) -> tuple[Fed, ...]:
    names = unique_names([one.name for one in fed])
    return tuple(replace(one, name=name) for one, name in zip(fed, names, strict=True))


def renamed(graph: Any, names: Mapping[str, str]) -> Any:
    """The GraphDef with its nodes renamed, wherever they are referred to; changed in place."""
    for node in graph.node:
        node.name = names.get(node.name, node.name)
        for place, reference in enumerate(node.input):
            node.input[place] = _reference(reference, names)
        for place, location in enumerate(node.attr["_class"].list.s if "_class" in node.attr else ()):
            text = location.decode()
            if text.startswith("loc:@"):
                node.attr["_class"].list.s[place] = f"loc:@{names.get(text[5:], text[5:])}".encode()
    return graph


def _reference(text: str, names: Mapping[str, str]) -> str:
    if text.startswith("^"):
        return f"^{names.get(text[1:], text[1:])}"
    name, colon, number = text.partition(":")
    return f"{names.get(name, name)}{colon}{number}"


def backward_names(operations: Sequence[str], made: Sequence[tuple[str, range]]) -> dict[str, str]:
    """Names for backward ops that say which forward op they differentiate, as those of tf.gradients do.

    `operations` are the names of the graph's ops in order, `made` forward ops with the places of their backward ops.
    Where differentiation of one op was part of another's, the innermost counts.
    """
    taken = set(operations)
    owners: dict[str, str] = {}
    for forward, places in made:
        for place in places:
            owners.setdefault(operations[place], forward)
    for name in operations:
        # TensorFlow differentiates some ops without asking Python; these are named after their forward op's scope.
        within = _TAPE.match(name)
        if within and name not in owners and within.group(1) in taken:
            owners[name] = within.group(1)
    found: dict[str, str] = {}
    for name, forward in owners.items():
        plain = f"gradients/{forward}_grad/{name.rpartition('/')[2]}"
        unique, count = plain, 0
        while unique in taken:
            count += 1
            unique = f"{plain}_{count}"
        taken.add(unique)
        found[name] = unique
    return found
