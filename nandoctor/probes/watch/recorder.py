"""The flight recorder: the last steps' numbers, kept on the device in a ring, and the state of the guard."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.probes.compat.watching import own_variable
from nandoctor.stats import Array

STEPS = 512
TOTALS = 2


class Recorder:
    """The numbers of one optimizer's last 512 updates.

    `state` holds how many updates were asked for, what tripped (0: nothing), in which tracing, at which update. A row
    of `ring` is the loss, the learning rate, then half the squared norm of each gradient and of each variable after the
    update.
    """

    def __init__(self, variables: int) -> None:
        self.variables = variables
        self.state = own_variable(np.zeros([4], np.int64))
        self.ring = own_variable(np.full([STEPS, TOTALS + 2 * variables], np.nan, np.float32))

    def count(self) -> None:
        """One more update was asked for."""
        self.state.assign_add(tf.constant([1, 0, 0, 0], tf.int64))

    def trip(self, kind: Any, tracing: int) -> None:
        """Note the first failure."""
        step = self.state[0]
        self.state.assign(tf.stack([step, kind, tf.constant(tracing, tf.int64), step]))

    def write(self, loss: Any, learning_rate: Any, gradients: Any, weights: Any) -> None:
        """Note one step."""
        row = tf.concat([tf.stack([loss, learning_rate]), gradients, weights], 0)
        place = self.state[0] % STEPS
        tf.raw_ops.ResourceScatterUpdate(resource=self.ring.handle, indices=place[None], updates=row[None])

    def rows(self) -> Array:
        """The recorded rows, oldest first: shape (steps, 2 + 2 * variables), float32."""
        steps = int(self.state.numpy()[0])
        ring = self.ring.numpy()
        if steps < STEPS:
            return ring[: steps + 1]
        start = (steps + 1) % STEPS
        return np.concatenate([ring[start:], ring[:start]])
