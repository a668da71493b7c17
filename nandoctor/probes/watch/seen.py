"""The numbers of one update as the guard reads them, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.watching import barrier
from nandoctor.probes.watch.noted import scalars
from nandoctor.probes.watch.recorder import TOTALS

# A LossScaleOptimizer halves its scale at each gradient that is not finite; below 1 it does not scale any more.
LEAST_SCALE = 1.0


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


@dataclass(frozen=True)
class Seen:
    """The numbers of one update as the guard reads them.

    `row` is what is recorded of them: the loss, the learning rate, half the squared norm of each gradient, float32.
    """

    losses: Sequence[Any]
    gradients: Sequence[Any]
    rate: Any
    row: Any
    scale: Any = None

    @property
    def witness(self) -> Any:
        """One number that is finite only if all are; it is also infinite where a sum of squares overflows."""
        if self.scale is None:
            return tf.reduce_sum(self.row)
        norm = tf.where(self.scale > LEAST_SCALE, 0.0, tf.reduce_sum(self.row[TOTALS:]))
        return tf.reduce_sum(self.row[:TOTALS]) + norm

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


def seen_of(losses: Sequence[Any], update: Update, *, compiled: bool = False) -> Seen:
    """The numbers of an update; `compiled` says that XLA compiles the graph in which they are.

    The target of an inner tape (a gradient penalty) is no loss: it is told by its shape, where another is a number.
    """
    sums, gradients = scalars([one for one in losses if one.shape.rank == 0] or losses), dense(update.gradients)
    if compiled:
        sums, gradients = barrier(sums), barrier(gradients)
    loss = tf.add_n([tf.cast(one, tf.float32) for one in sums]) if sums else tf.constant(0.0)
    scale = None if update.scale is None else tf.cast(tf.convert_to_tensor(update.scale), tf.float32)
    if scale is not None:
        loss = loss / scale
    rate = tf.cast(update.learning_rate, tf.float32)
    return Seen(sums, gradients, rate, tf.stack([loss, rate, *half_squares(gradients)]), scale)


def dense(gradients: Sequence[Any]) -> list[Any]:
    """The gradients as tensors: of a sparse one the rows that it has."""
    return [one.values if isinstance(one, tf.IndexedSlices) else one for one in gradients]


def half_squares(tensors: Sequence[Any]) -> list[Any]:
    """Half the sum of squares of each tensor, float32."""
    return [tf.nn.l2_loss(one if one.dtype == tf.float32 else tf.cast(one, tf.float32)) for one in tensors]


def all_finite(tensors: Sequence[Any]) -> Any:
    """Whether every element of every tensor is finite."""
    if not tensors:
        return tf.constant(True)
    return tf.reduce_all(tf.stack([tf.reduce_all(tf.math.is_finite(tensor)) for tensor in tensors]))
