"""The flight recorder: the last steps' numbers, kept on the device in a ring, and the state of the guard."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.probes.compat.watching import own_variable
from nandoctor.stats import Array

STEPS = 512
TOTALS = 2
WEIGHTS_TRIP = 4
DISARMED, WANTED, HELD = -1, -2, -3


class Recorder:
    """The numbers of one optimizer's last 512 updates.

    `state` holds how many updates were asked for, what tripped (0: nothing), in which tracing, at which update; with
    `looks` it begins with the wish that the first batch be kept for a look at a step where nothing tripped. A row
    of `ring` is the loss, the learning rate, then half the squared norm of each gradient; of `weights` half the squared
    norm of each variable after the update. `worker` is the worker whose step was not finite, in a training on several.
    """

    def __init__(self, variables: int, *, looks: bool = False) -> None:
        self.variables = variables
        self.worker: Any = None
        self.state = own_variable(np.array([0, WANTED if looks else 0, 0, 0], np.int64))
        self.ring = own_variable(np.full([STEPS + 1, TOTALS + variables], np.nan, np.float32))
        self.weights = own_variable(np.full([STEPS + 1, variables], np.nan, np.float32))

    def count(self) -> None:
        """One more update was asked for."""
        self.state.assign_add(tf.constant([1, 0, 0, 0], tf.int64))

    def untripped(self) -> Any:
        """Whether nothing has tripped so far."""
        return tf.less_equal(self.state[1], 0)

    def trip(self, kind: Any, tracing: int) -> None:
        """Note the first failure."""
        step = self.state[0]
        self.state.assign(tf.stack([step, kind, tf.constant(tracing, tf.int64), step]))

    def write(self, loss: Any, learning_rate: Any, gradients: Any) -> Any:
        """Note one step before its update: loss, rate, half squared norms of the gradients; the op that does."""
        row = tf.concat([tf.stack([loss, learning_rate]), gradients], 0)
        return self._scatter(self.ring, row)

    def write_weights(self, weights: Any) -> None:
        """Note the half squared norms of the variables after a step."""
        self._scatter(self.weights, weights)

    def _scatter(self, ring: Any, row: Any) -> Any:
        state = self.state.read_value()
        # What comes after a trip that nobody has looked at yet goes to a row that is never read.
        place = tf.where(tf.less_equal(state[1], 0), state[0] % STEPS, STEPS)
        return tf.raw_ops.ResourceScatterUpdate(resource=ring.handle, indices=place[None], updates=row[None])

    def asked(self) -> int:
        """How many updates were asked for."""
        return int(self.state.numpy()[0])

    def tripped(self) -> tuple[int, int, int]:
        """What tripped (0: nothing), in which tracing, at which update."""
        _, kind, tracing, step = (int(one) for one in self.state.numpy())
        return max(kind, 0), tracing, step

    def counted(self, kind: Any) -> Any:
        """What tripped, as a tensor; nothing where the guard has been disarmed."""
        return tf.where(tf.equal(self.state[1], DISARMED), tf.zeros_like(kind), kind)

    def disarm(self) -> None:
        """From now on the guard lets everything through, in every graph that it was built into."""
        with tf.init_scope():
            self.state.assign([self.asked(), DISARMED, 0, 0])

    def wanted(self) -> Any:
        """Whether the batch of the next step is to be kept, although nothing tripped."""
        return tf.equal(self.state[1], WANTED)

    def hold(self, tracing: int) -> None:
        """Note that the batch of this step is kept."""
        step = self.state[0]
        self.state.assign(tf.stack([step, tf.constant(HELD, tf.int64), tf.constant(tracing, tf.int64), step]))

    def held(self) -> tuple[int, int] | None:
        """In which tracing a batch was kept although nothing tripped, and at which update; None without one."""
        _, kind, tracing, step = (int(one) for one in self.state.numpy())
        return (tracing, step) if kind == HELD else None

    def want(self) -> None:
        """Keep the batch of the next step, too, instead of the one that is held."""
        self.state.assign([self.asked(), WANTED, 0, 0])

    def clear(self) -> None:
        """Forget the trip: what follows is guarded anew."""
        self.state.assign([self.asked(), 0, 0, 0])

    def rows(self) -> Array:
        """The recorded steps up to the trip, oldest first: shape (steps, 2 + 2 * variables), float32.

        Of a step whose update was not made the weights are NaN.
        """
        kind, _, step = self.tripped()
        last = step if kind else self.asked() - 1
        places = [place % STEPS for place in range(max(0, last - STEPS + 1), last + 1)]
        rows = np.concatenate([self.ring.numpy()[places], self.weights.numpy()[places]], 1)
        if kind and kind != WEIGHTS_TRIP:
            rows[-1, TOTALS + self.variables :] = np.nan
        return np.asarray(rows)
