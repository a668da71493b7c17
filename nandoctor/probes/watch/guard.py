"""The guard around the weight update, built into the graph that is being traced.

Two forms. The one that stops ends the execution of the graph with an error before a poisoned update, which costs least.
The one that leaves out puts the update into a tf.cond: it can go on afterwards, and it is the one that XLA compiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.probes.compat.watching import (
    barrier,
    is_compiled_by_xla,
    own_variable,
    sum_over_workers,
    unless,
    worker_number,
)
from nandoctor.probes.watch.capture import StepCapture
from nandoctor.probes.watch.noted import Noted
from nandoctor.probes.watch.recorder import TOTALS, Recorder
from nandoctor.probes.watch.seen import Seen, Trip, Update, all_finite, dense, half_squares, seen_of
from nandoctor.probes.watch.stepgraph import Kept, kept_tensors, restored_by, step_graph

STOPPED = "nandoctor: this update is not finite and was not made"


@dataclass
class Tracing:
    """One guarded update in one traced graph: what its step consists of, and where its failing batch is kept.

    `stash` are variables that hold what was kept, in the order of `kept`; None under XLA for what has no fixed shape,
    since XLA compiles no variable of changing shape. `backward` and `lines` are the backward ops of each forward op and
    the user's lines where the graph does not know them, since the step ran eagerly. `capture` takes the step out of a
    plain graph of TensorFlow 1, where nothing needs to be kept.
    """

    number: int
    graph: Any
    noted: Noted
    losses: list[Any]
    gradients: list[Any]
    variables: list[Any]
    kept: list[Kept]
    stash: list[Any | None] = field(default_factory=list)
    compiled: bool = False
    backward: Sequence[tuple[str, range]] | None = None
    lines: Mapping[str, tuple[str, int, str]] | None = None
    capture: Callable[[], StepCapture] | None = None


def guarded_update(tracings: list[Tracing], recorder: Recorder, noted: Noted, update: Update, *, skip: bool) -> None:
    """Build the update into the graph behind a guard that keeps a failing batch; what it computes is not changed.

    With `skip` a poisoned update is left out and the training goes on; else the execution of the graph ends with an
    error.
    """
    graph = tf.compat.v1.get_default_graph()
    whole = step_graph(graph)
    compiled = is_compiled_by_xla(graph)
    gradients = dense(update.gradients)
    losses = [loss for loss in noted.losses if loss.dtype.is_floating]
    kept = kept_tensors(whole, [*losses, *gradients])
    tracing = Tracing(
        len(tracings) + 1, whole, noted, losses, gradients, list(update.variables), kept, compiled=compiled
    )
    tracing.stash = [stash_for(one, compiled) for one in kept]
    tracings.append(tracing)
    seen = seen_of(losses, update, compiled=compiled)
    usual = tf.math.is_finite(seen.witness + recorder.alarm)
    good = unless(usual, lambda: _look(tracing, recorder, seen))
    build = _leaving_out if skip or compiled else _stopping
    build(tracing, recorder, seen, update, good)
    recorder.count()


def _look(tracing: Tracing, recorder: Recorder, seen: Seen) -> Any:
    """Look closer at a step, and keep its batch if it trips or is wanted; whether the step is good."""
    kind = recorder.counted(seen.first_bad())
    # After a trip that nobody has looked at yet no step is good, and none is to overwrite what was kept: a pipeline
    # that works ahead may begin the next one before the error has arrived.
    good = tf.logical_and(recorder.untripped(), tf.equal(kind, int(Trip.NONE)))
    return tf.cond(good, lambda: _hold(tracing, recorder, seen), lambda: _keep(tracing, recorder, kind, seen))


def _stopping(tracing: Tracing, recorder: Recorder, seen: Seen, update: Update, good: Any) -> None:
    agreed = _agreed(tracing, recorder, seen, good)
    with tf.control_dependencies([tf.raw_ops.Assert(condition=agreed, data=[STOPPED], summarize=1)]):
        update.run()
        update.placed = True
    after = _after(tracing, recorder, seen, update)
    tf.raw_ops.Assert(condition=after, data=[STOPPED], summarize=1)


def _agreed(tracing: Tracing, recorder: Recorder, seen: Seen, good: Any) -> Any:
    """Whether the step is good on every worker: one that stopped alone would leave the others waiting for it."""
    place, workers = worker_number()
    if workers == 1:
        return good
    bad = sum_over_workers(tf.one_hot(place, workers) * tf.cast(tf.logical_not(good), tf.float32))
    recorder.place, recorder.worker = place, own_variable(np.int64(place))

    def stop() -> Any:
        recorder.worker.assign(tf.argmax(bad))
        return tf.cond(good, elsewhere, lambda: False)

    def elsewhere() -> Any:
        recorder.write(seen.row)
        recorder.trip(tf.constant(int(Trip.ELSEWHERE), tf.int64), tracing.number)
        return tf.constant(False)

    return tf.cond(tf.equal(tf.reduce_sum(bad), 0.0), lambda: True, stop)


def _leaving_out(tracing: Tracing, recorder: Recorder, seen: Seen, update: Update, good: Any) -> None:
    restored = restored_by(tracing.graph) if tf.compat.v1.get_default_graph() is tracing.graph else []

    def go() -> Any:
        update.run()
        return _after(tracing, recorder, seen, update)

    def refuse() -> Any:
        for handle, value in restored:
            tf.raw_ops.AssignVariableOp(resource=handle, value=value)
        return tf.constant(False)

    # Its branches stay in the graph around them: in a graph of its own the update would be optimized differently.
    tf.cond(good, go, refuse)
    update.placed = True


def _after(tracing: Tracing, recorder: Recorder, seen: Seen, update: Update) -> Any:
    """Record the step, and look at the weights that the update made; whether they are finite."""
    after = [variable.read_value() for variable in update.variables]
    if tracing.compiled:
        after = barrier(after)
    weights = tf.stack(half_squares(after))
    with tf.control_dependencies([recorder.write(seen.row, weights)]):
        usual = tf.math.is_finite(tf.reduce_sum(weights))

    def look() -> Any:
        kind = recorder.counted(tf.constant(int(Trip.WEIGHTS), tf.int64))
        fine = tf.logical_or(all_finite(after), tf.equal(kind, int(Trip.NONE)))
        return tf.cond(fine, lambda: True, lambda: _keep(tracing, recorder, kind))

    return unless(usual, look)


def _keep(tracing: Tracing, recorder: Recorder, kind: Any, seen: Seen | None = None) -> Any:
    """Keep the batch and note the trip, if it is the first, and the step where it is not recorded yet; False."""

    def keep() -> Any:
        if seen is not None:
            recorder.write(seen.row)
        fill(tracing)
        recorder.trip(kind, tracing.number)
        return tf.constant(False)

    return tf.cond(recorder.untripped(), keep, lambda: False)


def _hold(tracing: Tracing, recorder: Recorder, seen: Seen) -> Any:
    """Keep the batch of a step in which nothing tripped, if that is wanted; True.

    A step that a loss scale leaves out is none to look at: its gradients overflow on purpose.
    """
    wanted = recorder.wanted()
    if seen.scale is not None:
        wanted = tf.logical_and(wanted, tf.math.is_finite(tf.reduce_sum(seen.row[TOTALS:])))

    def hold() -> Any:
        fill(tracing)
        recorder.hold(tracing.number)
        return tf.constant(True)

    return tf.cond(wanted, hold, lambda: True)


def fill(tracing: Tracing) -> None:
    """Keep the batch that is at hand in the variables of the tracing."""
    for variable, one in zip(tracing.stash, tracing.kept, strict=True):
        if variable is not None:
            variable.assign(one.tensor)


def stash_for(one: Kept, compiled: bool) -> Any | None:
    """A variable for what is kept; None where XLA could not compile it, since the shape changes."""
    tensor = one.tensor
    if compiled and not tensor.shape.is_fully_defined():
        return None
    shape = tensor.shape if compiled else tf.TensorShape(None)
    dtype = object if tensor.dtype == tf.string else tensor.dtype.as_numpy_dtype
    with tf.init_scope():
        initial = tf.constant(np.zeros(tensor.shape if compiled else [0], dtype), tensor.dtype)
    return own_variable(initial, shape)
