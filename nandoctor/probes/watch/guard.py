"""The guard around the weight update, built into the graph that is being traced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.probes.compat.watching import barrier, is_compiled_by_xla, own_variable
from nandoctor.probes.watch.noted import Noted, scalars
from nandoctor.probes.watch.recorder import Recorder
from nandoctor.probes.watch.stepgraph import Kept, kept_tensors, step_graph

MOST_WEIGHED = 1 << 62


class Trip(IntEnum):
    """What was not finite, in the order in which it is looked at."""

    NONE = 0
    LOSS = 1
    GRADIENT = 2
    LEARNING_RATE = 3
    WEIGHTS = 4


@dataclass
class Tracing:
    """One guarded update in one traced graph: what its step consists of, and where its failing batch is kept.

    `stash` are variables that hold what was kept, in the order of `kept`; empty until something trips, and under XLA,
    where variables of changing shape cannot be compiled, for all but what has a fixed shape (None).
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


def guarded_update(
    tracings: list[Tracing],
    recorder: Recorder,
    noted: Noted,
    gradients: Sequence[Any],
    variables: Sequence[Any],
    learning_rate: Any,
    update: Callable[[], Any],
) -> None:
    """Build `update` into the graph so that it runs only on finite numbers, and so that a failing batch is kept.

    `variables` are tf.Variables, `gradients` tensors or IndexedSlices, one each. What the update computes is not
    changed.
    """
    graph = tf.compat.v1.get_default_graph()
    whole = step_graph(graph)
    compiled = is_compiled_by_xla(graph)
    dense = [one.values if isinstance(one, tf.IndexedSlices) else one for one in gradients]
    losses = [loss for loss in noted.losses if loss.dtype.is_floating]
    kept = kept_tensors(whole, [*losses, *dense])
    tracing = Tracing(len(tracings) + 1, whole, noted, losses, dense, list(variables), kept, compiled=compiled)
    tracing.stash = [_stash(one, compiled) for one in kept]
    tracings.append(tracing)

    seen_losses, seen, rate = scalars(losses), dense, tf.cast(learning_rate, tf.float32)
    if compiled:
        seen_losses, seen = barrier(seen_losses), barrier(seen)
    loss = tf.add_n([tf.cast(one, tf.float32) for one in seen_losses]) if seen_losses else tf.constant(0.0)
    norms = _half_squares(seen)
    witness = tf.reduce_sum(norms) + loss + rate
    untripped = tf.equal(recorder.state[1], 0)
    finite = tf.cond(tf.math.is_finite(witness), lambda: True, lambda: _all_finite([*seen_losses, rate, *seen]))

    def keep(kind: Any) -> None:
        for variable, one in zip(tracing.stash, kept, strict=True):
            if variable is not None:
                variable.assign(one.tensor)
        recorder.trip(kind, tracing.number)

    def go() -> Any:
        update()
        after = [variable.read_value() for variable in variables]
        if compiled:
            after = barrier(after)
        weights = _half_squares(after)
        recorder.write(loss, rate, norms, weights)
        good = tf.cond(tf.math.is_finite(tf.reduce_sum(weights)), lambda: True, lambda: _all_finite(after))

        def bad_update() -> bool:
            keep(tf.constant(int(Trip.WEIGHTS), tf.int64))
            return False

        return tf.cond(good, lambda: True, bad_update)

    def refuse() -> bool:
        first = tf.where(_all_finite(seen_losses), tf.where(_all_finite(seen), 3, 2), 1)
        tf.cond(
            untripped,
            lambda: _then(recorder.write(loss, rate, norms, norms * 0.0), keep(tf.cast(first, tf.int64))),
            lambda: False,
        )
        return False

    tf.cond(tf.logical_and(finite, untripped), go, refuse)
    recorder.count()


def _then(*_done: Any) -> bool:
    return True


def _stash(one: Kept, compiled: bool) -> Any | None:
    tensor = one.tensor
    if compiled and not tensor.shape.is_fully_defined():
        return None
    with tf.init_scope():
        empty = np.zeros(
            tensor.shape if compiled else [0], object if tensor.dtype == tf.string else tensor.dtype.as_numpy_dtype
        )
        initial = tf.constant(empty, tensor.dtype)
    return own_variable(initial, tensor.shape if compiled else tf.TensorShape(None))


def _half_squares(tensors: Sequence[Any]) -> Any:
    """Half the sum of squares of each tensor, as one vector: not finite where an element is not, or where it overflows."""
    if not tensors:
        return tf.zeros([0])
    return tf.stack([tf.nn.l2_loss(_wide(tensor)) for tensor in tensors])


def _wide(tensor: Any) -> Any:
    return tensor if tensor.dtype == tf.float32 else tf.cast(tensor, tf.float32)


def _all_finite(tensors: Sequence[Any]) -> Any:
    if not tensors:
        return tf.constant(True)
    return tf.reduce_all(tf.stack([tf.reduce_all(tf.math.is_finite(tensor)) for tensor in tensors]))
