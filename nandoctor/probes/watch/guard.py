"""The guard around the weight update, built into the graph that is being traced.

Two forms. The one that stops ends the execution of the graph with an error before a poisoned update, which costs least.
The one that leaves out puts the update into a tf.cond: it can go on afterwards, and it is the one that XLA compiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.probes.compat.watching import (
    barrier,
    is_compiled_by_xla,
    own_variable,
    sum_over_workers,
    worker_number,
)
from nandoctor.probes.watch.capture import StepCapture
from nandoctor.probes.watch.noted import Noted, scalars
from nandoctor.probes.watch.recorder import Recorder
from nandoctor.probes.watch.stepgraph import Kept, kept_tensors, restored_by, step_graph

# A LossScaleOptimizer halves its scale at each gradient that is not finite; below 1 it does not scale any more.
LEAST_SCALE = 1.0
STOPPED = "nandoctor: this update is not finite and was not made"


class Trip(IntEnum):
    """What was not finite, in the order in which it is looked at.

    ELSEWHERE is on another worker of a distributed training, EVALUATION in evaluate or predict.
    """

    NONE = 0
    LOSS = 1
    GRADIENT = 2
    LEARNING_RATE = 3
    WEIGHTS = 4
    ELSEWHERE = 5
    EVALUATION = 6


@dataclass
class Update:
    """An update that is about to be built: `run` builds it, of `variables` (tf.Variables) by `gradients`, one each.

    `scale` is what a LossScaleOptimizer has multiplied the loss by: while it is above 1, gradients that are not finite
    are its own affair.
    `begun` says that it was tried, `placed` that it is made, or in the graph for good, whatever fails from then on.
    """

    gradients: Sequence[Any]
    variables: Sequence[Any]
    learning_rate: Any
    run: Callable[[], Any]
    scale: Any = None
    begun: bool = False
    placed: bool = False


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


@dataclass(frozen=True)
class _Seen:
    """The numbers of one update as the guard reads them."""

    losses: list[Any]
    gradients: list[Any]
    rate: Any
    loss: Any
    norms: Any
    scale: Any = None

    @property
    def witness(self) -> Any:
        """One number that is finite only if all are; it is also infinite where a sum of squares overflows."""
        norm = tf.reduce_sum(self.norms)
        return self.loss + self.rate + (norm if self.scale is None else tf.where(self.scale > LEAST_SCALE, 0.0, norm))

    def first_bad(self) -> Any:
        """What is really not finite, as a Trip."""
        losses, gradients = all_finite(self.losses), all_finite(self.gradients)
        if self.scale is not None:
            gradients = tf.logical_or(gradients, self.scale > LEAST_SCALE)
        rate = tf.math.is_finite(self.rate)
        found = tf.where(
            losses, tf.where(gradients, tf.where(rate, Trip.NONE, Trip.LEARNING_RATE), Trip.GRADIENT), Trip.LOSS
        )
        return tf.cast(found, tf.int64)


def guarded_update(tracings: list[Tracing], recorder: Recorder, noted: Noted, update: Update, *, skip: bool) -> None:
    """Build the update into the graph behind a guard that keeps a failing batch; what it computes is not changed.

    With `skip` a poisoned update is left out and the training goes on; else the execution of the graph ends with an
    error.
    """
    graph = tf.compat.v1.get_default_graph()
    whole = step_graph(graph)
    compiled = is_compiled_by_xla(graph)
    dense = [one.values if isinstance(one, tf.IndexedSlices) else one for one in update.gradients]
    losses = [loss for loss in noted.losses if loss.dtype.is_floating]
    kept = kept_tensors(whole, [*losses, *dense])
    tracing = Tracing(len(tracings) + 1, whole, noted, losses, dense, list(update.variables), kept, compiled=compiled)
    tracing.stash = [stash_for(one, compiled) for one in kept]
    tracings.append(tracing)
    seen = _seen(losses, dense, update, compiled)
    build = _leaving_out if skip or compiled else _stopping
    build(tracing, recorder, seen, update)
    recorder.count()


def guarded_eagerly(recorder: Recorder, noted: Noted, update: Update, traced: Callable[[], Tracing]) -> bool:
    """Make the update, unless something is not finite; whether all was. `traced` gives the step of one that was not."""
    dense = [one.values if isinstance(one, tf.IndexedSlices) else one for one in update.gradients]
    seen = _seen([loss for loss in noted.losses if loss.dtype.is_floating], dense, update, False)
    recorder.write(seen.loss, seen.rate, seen.norms)
    kind = Trip.NONE if np.isfinite(seen.witness.numpy()) else Trip(int(seen.first_bad()))
    if kind is Trip.NONE:
        update.begun = True
        update.run()
        update.placed = True
        after = [variable.read_value() for variable in update.variables]
        weights = half_squares(after)
        recorder.write_weights(weights)
        if not np.isfinite(weights.numpy().sum()) and not all_finite(after):
            kind = Trip.WEIGHTS
    if kind is not Trip.NONE:
        recorder.trip(tf.constant(int(kind), tf.int64), traced().number)
    elif recorder.wanted():
        recorder.hold(traced().number)
    recorder.count()
    return kind is Trip.NONE


def _seen(losses: Sequence[Any], gradients: Sequence[Any], update: Update, compiled: bool) -> _Seen:
    sums = scalars(losses)
    if compiled:
        sums, gradients = barrier(sums), barrier(gradients)
    loss = tf.add_n([tf.cast(one, tf.float32) for one in sums]) if sums else tf.constant(0.0)
    scale = None if update.scale is None else tf.cast(tf.convert_to_tensor(update.scale), tf.float32)
    if scale is not None:
        loss = loss / scale
    rate = tf.cast(update.learning_rate, tf.float32)
    return _Seen(sums, list(gradients), rate, loss, half_squares(gradients), scale)


def _stopping(tracing: Tracing, recorder: Recorder, seen: _Seen, update: Update) -> None:
    # A pipeline that works ahead may begin the next step before the error of this one has arrived.
    untripped = recorder.untripped()
    written = recorder.write(seen.loss, seen.rate, seen.norms)

    def look() -> Any:
        kind = recorder.counted(seen.first_bad())
        nothing = tf.equal(kind, int(Trip.NONE))
        return tf.cond(nothing, lambda: _hold(tracing, recorder, seen), lambda: _keep(tracing, recorder, kind))

    with tf.control_dependencies([written]):
        witness = tf.identity(seen.witness)
    usual = tf.logical_and(tf.math.is_finite(witness), tf.logical_not(recorder.wanted()))
    good = tf.logical_and(untripped, _agreed(tracing, recorder, tf.cond(usual, lambda: True, look)))
    with tf.control_dependencies([tf.raw_ops.Assert(condition=good, data=[STOPPED], summarize=1)]):
        update.run()
        update.placed = True
    after = _after(tracing, recorder, update)
    tf.raw_ops.Assert(condition=after, data=[STOPPED], summarize=1)


def _agreed(tracing: Tracing, recorder: Recorder, good: Any) -> Any:
    """Whether the step is good on every worker: one that stopped alone would leave the others waiting for it."""
    place, workers = worker_number()
    if workers == 1:
        return good
    bad = sum_over_workers(tf.one_hot(place, workers) * tf.cast(tf.logical_not(good), tf.float32))
    recorder.worker = own_variable(np.int64(place))

    def stop() -> Any:
        recorder.worker.assign(tf.argmax(bad))
        return tf.cond(good, elsewhere, lambda: False)

    def elsewhere() -> Any:
        recorder.trip(tf.constant(int(Trip.ELSEWHERE), tf.int64), tracing.number)
        return tf.constant(False)

    return tf.cond(tf.equal(tf.reduce_sum(bad), 0.0), lambda: True, stop)


def _leaving_out(tracing: Tracing, recorder: Recorder, seen: _Seen, update: Update) -> None:
    # A trip that nobody has looked at yet is not to be overwritten, and nothing is updated until then.
    waiting = tf.greater(recorder.state[1], int(Trip.NONE))
    kind = tf.cond(
        tf.math.is_finite(seen.witness),
        lambda: tf.constant(0, tf.int64),
        lambda: recorder.counted(seen.first_bad()),
    )
    restored = restored_by(tracing.graph) if tf.compat.v1.get_default_graph() is tracing.graph else []

    def go() -> Any:
        recorder.write(seen.loss, seen.rate, seen.norms)
        _hold(tracing, recorder, seen)
        update.run()
        return _after(tracing, recorder, update)

    def refuse() -> Any:
        for handle, value in restored:
            tf.raw_ops.AssignVariableOp(resource=handle, value=value)
        return tf.cond(waiting, lambda: False, first)

    def first() -> Any:
        recorder.write(seen.loss, seen.rate, seen.norms)
        return _keep(tracing, recorder, kind)

    tf.cond(tf.logical_and(tf.equal(kind, int(Trip.NONE)), tf.logical_not(waiting)), go, refuse)
    update.placed = True


def _after(tracing: Tracing, recorder: Recorder, update: Update) -> Any:
    """Look at the weights that the update made; whether they are finite."""
    after = [variable.read_value() for variable in update.variables]
    if tracing.compiled:
        after = barrier(after)
    weights = half_squares(after)
    recorder.write_weights(weights)

    def look() -> Any:
        kind = recorder.counted(tf.constant(int(Trip.WEIGHTS), tf.int64))
        fine = tf.logical_or(all_finite(after), tf.equal(kind, int(Trip.NONE)))
        return tf.cond(fine, lambda: True, lambda: _keep(tracing, recorder, kind))

    return tf.cond(tf.math.is_finite(tf.reduce_sum(weights)), lambda: True, look)


def _keep(tracing: Tracing, recorder: Recorder, kind: Any) -> Any:
    """Keep the batch and note the trip, if it is the first; False."""
    return tf.cond(recorder.untripped(), lambda: _kept(tracing, recorder, kind), lambda: False)


def _kept(tracing: Tracing, recorder: Recorder, kind: Any) -> Any:
    fill(tracing)
    recorder.trip(kind, tracing.number)
    return tf.constant(False)


def _hold(tracing: Tracing, recorder: Recorder, seen: _Seen) -> Any:
    """Keep the batch of a step in which nothing tripped, if that is wanted; True.

    A step that a loss scale leaves out is none to look at: its gradients overflow on purpose.
    """
    wanted = recorder.wanted()
    if seen.scale is not None:
        wanted = tf.logical_and(wanted, tf.math.is_finite(tf.reduce_sum(seen.norms)))

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


def half_squares(tensors: Sequence[Any]) -> Any:
    """Half the sum of squares of each tensor, float32, as one vector."""
    return tf.stack([tf.nn.l2_loss(_wide(tensor)) for tensor in tensors]) if tensors else tf.zeros([0])


def _wide(tensor: Any) -> Any:
    return tensor if tensor.dtype == tf.float32 else tf.cast(tensor, tf.float32)


def all_finite(tensors: Sequence[Any]) -> Any:
    """Whether every element of every tensor is finite."""
    if not tensors:
        return tf.constant(True)
    return tf.reduce_all(tf.stack([tf.reduce_all(tf.math.is_finite(tensor)) for tensor in tensors]))
