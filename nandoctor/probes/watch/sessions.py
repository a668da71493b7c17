"""TensorFlow 1: an update in a plain graph, guarded, and its failing step as `Session.run` was asked for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.probes.steps.trace import user_lines
from nandoctor.probes.steps.written_line import written_line
from nandoctor.probes.watch.capture import Fed, Held, StepCapture
from nandoctor.probes.watch.guard import STOPPED, Tracing
from nandoctor.probes.watch.noted import Noted, scalars
from nandoctor.probes.watch.recorder import STEPS, TOTALS
from nandoctor.probes.watch.seen import Trip, all_finite, half_squares
from nandoctor.probes.watch.stepgraph import ancestors
from nandoctor.stats import Array


@dataclass
class SessionRecorder:
    """The numbers of one optimizer's last 512 updates, kept by the host: `Session.run` gives them along."""

    variables: int
    kept: deque[Array] = field(default_factory=lambda: deque(maxlen=STEPS))
    updates: int = 0
    trip: tuple[int, int, int] = (0, 0, 0)

    def asked(self) -> int:
        """How many updates were asked for."""
        return self.updates

    def tripped(self) -> tuple[int, int, int]:
        """What tripped (0: nothing), in which tracing, at which update."""
        return self.trip

    def held(self) -> None:
        """No batch is kept where nothing trips."""

    def disarm(self) -> None:
        """The graph keeps its guard: what fails from now on fails as TensorFlow's own assertions do."""

    def clear(self) -> None:
        """Forget the trip."""
        self.trip = (0, 0, 0)

    def rows(self) -> Array:
        """The recorded steps, oldest first: shape (steps, 2 + 2 * variables), float32."""
        width = TOTALS + 2 * self.variables
        return np.array(self.kept, np.float32).reshape(-1, width)


@dataclass(eq=False)
class SessionUpdate:
    """One guarded update of a graph: the op that the script runs for it, and what is fetched with it."""

    optimizer: Any
    losses: Sequence[Any]
    gradients: Sequence[Any]
    variables: Sequence[Any]
    operation: Any
    rate: Any
    fetched: Any
    recorder: SessionRecorder

    @property
    def names(self) -> tuple[str, ...]:
        """The variables' names."""
        return tuple(str(one.op.name) for one in self.variables)


def guarded_operation(
    optimizer: Any, losses: Sequence[Any], pairs: Sequence[tuple[Any, Any]], update: Any
) -> SessionUpdate:
    """Build `update()` into the plain graph behind a check of loss and gradients, and a check of the weights after it.

    `pairs` are (gradient, variable), without those that have no gradient.
    """
    gradients = [one.values if isinstance(one, tf.IndexedSlices) else one for one, _ in pairs]
    variables = [variable for _, variable in pairs]
    sums = scalars(losses)
    loss = tf.add_n([tf.cast(one, tf.float32) for one in sums]) if sums else tf.constant(0.0)
    rate = _learning_rate(optimizer)
    norms = half_squares(gradients)
    good = all_finite([*sums, rate, *gradients])
    with tf.control_dependencies([tf.raw_ops.Assert(condition=good, data=[STOPPED], summarize=1)]):
        made = update()
    with tf.control_dependencies([made]):
        after = [tf.identity(variable.read_value()) for variable in variables]
        weights = half_squares(after)
        checked = tf.raw_ops.Assert(condition=all_finite(after), data=[STOPPED], summarize=1)
    with tf.control_dependencies([checked]):
        row = tf.stack([loss, rate, *norms, *weights])
    operation = tf.group(made, checked)
    return SessionUpdate(optimizer, losses, gradients, variables, operation, rate, row, SessionRecorder(len(variables)))


def fetches_update(fetches: Any, update: SessionUpdate) -> bool:
    """Whether the update is among what `Session.run` is asked for."""
    wanted = {getattr(one, "op", one) for one in tf.nest.flatten(fetches) if not isinstance(one, str)}
    named = {one for one in tf.nest.flatten(fetches) if isinstance(one, str)}
    return update.operation in wanted or update.operation.name in named


def session_tracing(update: SessionUpdate, session: Any, feed: Mapping[Any, Any], number: int) -> tuple[Tracing, Trip]:
    """What failed, to be replayed, and in which kind: told by running it once more up to the update, without it."""
    values = session.run([list(update.losses), list(update.gradients), update.rate], feed)
    kind = Trip.WEIGHTS
    if not all(np.all(np.isfinite(one)) for one in values[0]):
        kind = Trip.LOSS
    elif not all(np.all(np.isfinite(one)) for one in values[1]):
        kind = Trip.GRADIENT
    elif not np.isfinite(values[2]):
        kind = Trip.LEARNING_RATE
    flat = [np.asarray(one, np.float32) for one in values[1]]
    row = [
        float(np.sum(values[0])) if values[0] else 0.0,
        float(values[2]),
        *(float(np.sum(one**2)) / 2 for one in flat),
    ]
    update.recorder.kept.append(np.array([*row, *[np.nan] * len(flat)], np.float32))
    tracing = Tracing(
        number=number,
        graph=session.graph,
        noted=Noted(losses=list(update.losses)),
        losses=list(update.losses),
        gradients=list(update.gradients),
        variables=list(update.variables),
        kept=[],
        capture=lambda: _capture(update, session, feed),
    )
    return tracing, kind


def _capture(update: SessionUpdate, session: Any, feed: Mapping[Any, Any]) -> StepCapture:
    graph = session.graph
    needed = ancestors([*update.losses, *update.gradients])
    trainable = {variable.op.name for variable in update.variables}
    fed = [
        Fed(tensor.op.name, tensor.name, "input", np.asarray(value, tensor.dtype.as_numpy_dtype))
        for tensor, value in _tensors(graph, feed).items()
        if tensor.op.name in needed
    ]
    held: list[Held] = []
    with graph.as_default():
        variables = [one for one in tf.compat.v1.global_variables() if one.op.name in needed]
    for variable in variables:
        value = np.asarray(session.run(variable))
        if variable.op.outputs[0].dtype == tf.resource:
            held.append(Held(variable.op.name, variable.op.outputs[0].name, variable.op.name in trainable, value))
        else:
            reads = [one for one in variable.op.outputs[0].consumers() if one.type == "Identity" and one.name in needed]
            fed += [Fed(read.name, f"{read.name}:0", "state", value) for read in reads]
    gradients = zip(update.names, update.gradients, strict=True)
    lines = user_lines(graph)
    return StepCapture(
        graph=graph.as_graph_def().SerializeToString(),
        fed=tuple(fed),
        held=tuple(held),
        results=(
            *(("loss", "" if len(update.losses) == 1 else one.op.name, one.name) for one in update.losses),
            *(("gradient", name, one.name) for name, one in gradients),
        ),
        lines={name: written_line(*line) for name, line in lines.items()},
    )


def _tensors(graph: Any, feed: Mapping[Any, Any]) -> dict[Any, Any]:
    return {
        graph.as_graph_element(key, allow_tensor=True, allow_operation=False) if isinstance(key, str) else key: value
        for key, value in feed.items()
    }


def _learning_rate(optimizer: Any) -> Any:
    """The rate of a TensorFlow 1 optimizer, NaN-free 0 where it keeps none under a known name."""
    for name in ("_learning_rate", "_lr"):
        rate = getattr(optimizer, name, None)
        if rate is not None:
            return tf.cast(rate() if callable(rate) else rate, tf.float32)
    return tf.constant(0.0)
