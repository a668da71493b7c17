"""evaluate and predict: what they give back is looked at, and the first batch that turned non-finite is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.facts import EvaluationFacts
from nandoctor.facts.run import EvaluationWay
from nandoctor.probes.compat.watching import barrier, is_compiled_by_xla, replica_number, unless, worker_number
from nandoctor.probes.watch.guard import Tracing, fill, stash_for
from nandoctor.probes.watch.noted import Noted, flat_tensors
from nandoctor.probes.watch.recorder import Recorder
from nandoctor.probes.watch.seen import Trip, all_finite, half_squares
from nandoctor.probes.watch.stepgraph import kept_tensors, step_graph


@dataclass(frozen=True)
class Evaluation:
    """A call of evaluate or predict, or a validation in `fit`, that is running.

    `x` and `y` are what it was given, `source` says what they are. `before` is how many batches each replica had
    evaluated before it.
    """

    way: EvaluationWay
    x: Any
    y: Any
    source: str
    before: Mapping[int, int]


@dataclass
class Evaluating:
    """What is known of evaluate and predict in a run.

    `recorders` count the batches of each replica, and note the first one that was not finite. `running` is the call
    that runs now; `located` says that one was found, and no more are looked for.
    """

    recorders: dict[int, Recorder] = field(default_factory=dict)
    running: Evaluation | None = None
    located: bool = False

    def recorder(self) -> Recorder:
        """The record of the replica that is being traced."""
        replica = replica_number()
        if replica not in self.recorders:
            self.recorders[replica] = Recorder(0)
        return self.recorders[replica]

    def begin(self, way: EvaluationWay, x: Any, y: Any, source: str) -> None:
        """A call begins."""
        self.running = Evaluation(way, x, y, source, {place: one.asked() for place, one in self.recorders.items()})

    def kept(self) -> tuple[int, Recorder] | None:
        """The replica whose batch was kept, with its record; None where none was."""
        return next((pair for pair in self.recorders.items() if pair[1].tripped()[0]), None)

    def forget(self) -> None:
        """What was kept was no fault of the results: keep the next one."""
        for one in self.recorders.values():
            if one.tripped()[0]:
                one.clear()

    def disarm(self) -> None:
        """Keep nothing from now on, in every graph that the guard was built into."""
        for one in self.recorders.values():
            one.disarm()


def guarded_evaluation(tracings: list[Tracing], recorder: Recorder, noted: Noted, targets: list[Any]) -> None:
    """Build into the graph what keeps the batch of a step of evaluate or predict whose targets are not finite.

    What the step computes is not changed, and it goes on. `noted.losses` are its losses, if any of the targets are.
    """
    place, workers = worker_number()
    recorder.place = place if workers > 1 else None
    graph = tf.compat.v1.get_default_graph()
    whole, compiled = step_graph(graph), is_compiled_by_xla(graph)
    kept = kept_tensors(whole, [*targets, *flat_tensors(noted.predictions)])
    variables = [getattr(one, "value", one) for one in getattr(noted.model, "trainable_variables", ())]
    variables = [one for one in variables if hasattr(one, "handle")]
    tracing = Tracing(
        number=len(tracings) + 1,
        graph=whole,
        noted=noted,
        losses=noted.losses,
        gradients=[None] * len(variables),
        variables=variables,
        kept=kept,
        stash=[stash_for(one, compiled) for one in kept],
        compiled=compiled,
    )
    tracings.append(tracing)
    seen = barrier(targets) if compiled else targets

    def look() -> Any:
        # A sum of squares overflows before what is summed does.
        fine = tf.logical_or(all_finite(seen), tf.not_equal(recorder.state[0], int(Trip.NONE)))
        return tf.cond(fine, lambda: True, keep)

    def keep() -> Any:
        fill(tracing)
        recorder.trip(tf.constant(int(Trip.EVALUATION), tf.int64), tracing.number)
        return tf.constant(False)

    unless(tf.math.is_finite(tf.reduce_sum(half_squares(seen))), look)
    recorder.count()


def evaluation_of(way: EvaluationWay, results: Any, epoch: int | None) -> EvaluationFacts | None:
    """What is not finite among the results of one call, None if all is; integers and texts are left out."""
    bad: list[str] = []
    values = nonfinite = 0
    for name, value in _named(results):
        array = np.asarray(value)
        if array.dtype.kind != "f":
            continue
        count = int(array.size - np.count_nonzero(np.isfinite(array)))
        values += array.size
        nonfinite += count
        if count:
            bad.append(name)
    return EvaluationFacts(way, tuple(bad), values, nonfinite, epoch) if bad else None


def _named(results: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(results, Mapping):
        return [pair for key, value in results.items() for pair in _named(value, f"{name}/{key}" if name else str(key))]
    if isinstance(results, list | tuple):
        return [pair for place, value in enumerate(results) for pair in _named(value, f"{name}[{place}]")]
    return [(name or "result", results)]
