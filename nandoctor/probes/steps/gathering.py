"""What all passes together saw: origins with their rows, refusals, and what the compiled run hides."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nandoctor.facts import (
    HiddenFacts,
    Origin,
    Refusal,
)
from nandoctor.finding import Phase
from nandoctor.probes.models.subject import Subject
from nandoctor.probes.steps.interpreter import RefusedError
from nandoctor.probes.steps.naming import forward_name, is_gradient
from nandoctor.probes.steps.origins import dataset_rows, origins_of, with_rows
from nandoctor.probes.steps.passes import Feeds, Pass
from nandoctor.probes.steps.rows import MOST_SECONDS_TOGETHER, culprit_rows, refused_rows
from nandoctor.probes.steps.source import source_lines
from nandoctor.probes.steps.trace import Batch

MOST_NARROWED = 6


@dataclass(frozen=True)
class Gathered:
    """The origins of all passes, and for each pass their ids by those of its births."""

    origins: tuple[Origin, ...]
    by_birth: tuple[Mapping[int, int], ...]


def gathered_origins(subject: Subject, passes: Sequence[Pass], feed_of: Feeds, fixed: bool) -> Gathered:
    """Origins of all passes, those that a later pass saw again only once, with the rows of the roots narrowed down."""
    kept: list[Origin] = []
    by_birth: list[dict[int, int]] = []
    known: dict[tuple[str | int | None, ...], int] = {}
    narrowed, left = 0, MOST_SECONDS_TOGETHER
    for one in passes:
        numbers: dict[int, int] = {}
        by_birth.append(numbers)
        alike: Counter[tuple[str | None, ...]] = Counter()
        keys = list(one.observations.births)
        lines = source_lines(one.step, subject.debug_info)
        for origin in origins_of(one.step, one.observations, one.reached, lines, feed_of.batches):
            name = origin.op.rpartition("/")[2]
            likeness = (origin.kind, origin.phase, origin.layer, origin.op_type, name, origin.backward_op_type)
            same = (*likeness, alike[likeness])
            alike[likeness] += 1
            if same in known:
                place = numbers[origin.id] = known[same]
                reaches = tuple(dict.fromkeys((*kept[place].reaches, *origin.reaches)))
                kept[place] = replace(kept[place], reaches=reaches, source=kept[place].source or origin.source)
                continue
            found = origin
            if _is_root(origin) and narrowed < MOST_NARROWED:
                narrowed += 1
                begun = time.monotonic()
                found = _narrowed(one, origin, keys[origin.id], feed_of, fixed, seconds=left)
                left -= time.monotonic() - begun
            numbers[origin.id] = known[same] = len(kept)
            parents = tuple(sorted({numbers[one] for one in origin.parents if one in numbers}))
            after = tuple(sorted({numbers[one] for one in origin.after if one in numbers}))
            kept.append(replace(found, id=len(kept), parents=parents, after=after))
    return Gathered(tuple(kept), tuple(by_birth))


def _is_root(origin: Origin) -> bool:
    return origin.kind == "op" and not origin.parents and not origin.after and not origin.contained


def _narrowed(
    one: Pass, origin: Origin, key: tuple[Any, ...], feed_of: Feeds, fixed: bool, *, seconds: float
) -> Origin:
    batch = _batch_of(one, origin.batch, feed_of)
    culprits = culprit_rows(one.step, key, origin.rows, batch, fixed_batch=fixed, seconds=seconds)
    return with_rows(origin, culprits.rows, culprits.note, feed_of.batches)


def gathered_refusals(subject: Subject, passes: Sequence[Pass], feed_of: Feeds, fixed: bool) -> tuple[Refusal, ...]:
    """The ops that raised an error, each once with its rows in the first batch, in order of the passes and batches."""
    found: dict[str, tuple[Refusal, set[int]]] = {}
    for one in passes:
        lines = source_lines(one.step, subject.debug_info) if one.refused else {}
        for batch, refused in one.refused:
            name = forward_name(refused.instruction.name)
            phase: Phase = "backward" if is_gradient(refused.instruction.name) else "forward"
            layer, op_type = one.step.names.layer(name), refused.instruction.op_type
            if name not in found:
                first = Refusal(name, op_type, layer, phase, refused.said, batch, 1, lines.get(name))
                found[name] = (_refused_for(one, refused, first, feed_of, fixed), set())
            found[name][1].add(batch)
    return tuple(replace(first, batches=len(batches)) for first, batches in found.values())


def _refused_for(one: Pass, refused: RefusedError, first: Refusal, feed_of: Feeds, fixed: bool) -> Refusal:
    culprits = refused_rows(one.step, refused, _batch_of(one, first.batch, feed_of), fixed_batch=fixed)
    rows = dataset_rows(culprits.rows, feed_of.batches, first.batch)
    return replace(first, rows=culprits.rows, dataset_rows=rows, rows_note=culprits.note)


def _batch_of(one: Pass, index: int, feed_of: Feeds) -> Batch:
    """A batch with what the pass takes of it."""
    batch = feed_of.batch(index)
    return batch if any(name.startswith("labels ") for name in one.step.fed) else batch.without_labels()


def gathered_hidden(passes: Sequence[Pass]) -> HiddenFacts:
    """Where the compiled run disagrees, and the ops that took a NaN and gave only finite numbers."""
    absorbers: list[tuple[str, str, str | None]] = []
    for one in passes:
        for absorber in one.observations.absorbers.values():
            name = absorber.instruction.name
            if absorber.nan:
                absorbers.append((name, absorber.instruction.op_type, one.step.names.layer(name)))
    found = [item for one in passes for item in one.disagreements]
    return HiddenFacts(min(one.compared for one in passes), tuple(found), tuple(dict.fromkeys(absorbers)))
