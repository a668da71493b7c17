"""The flight recorder: the last steps' numbers, kept on the device in a ring, and the state of the guard."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.probes.compat.watching import own_variable
from nandoctor.stats import Array

STEPS = 512
TOTALS = 2
DISARMED, WANTED, HELD = -1, -2, -3


class Recorder:
    """The numbers of one optimizer's last 512 updates.

    `updates` is how many were asked for. A row of `ring` is the loss, the learning rate, then half the squared norm of
    each gradient, then that of each variable after the update, NaN where it was not made. `state` holds what tripped
    (0: nothing), in which tracing, at which update; with `looks` it begins with the wish that the first batch be kept
    for a look at a step where nothing tripped. `alarm` is NaN where the state is not to be passed over, else 0: the
    guard adds it to the numbers that it looks at anyway. `worker` is the worker whose step was not finite, `place` this
    one, in a
    training on several.
    """

    def __init__(self, variables: int, *, looks: bool = False) -> None:
        self.variables = variables
        self.worker: Any = None
        self.place: int | None = None
        self.updates = own_variable(np.int64(0))
        self.state = own_variable(np.array([WANTED if looks else 0, 0, 0], np.int64))
        self.alarm = own_variable(np.float32(np.nan if looks else 0.0))
        self.ring = own_variable(np.full([STEPS, TOTALS + 2 * variables], np.nan, np.float32))

    def count(self) -> None:
        """One more update was asked for."""
        self.updates.assign_add(1)

    def untripped(self) -> Any:
        """Whether nothing has tripped so far."""
        return tf.less_equal(self.state[0], 0)

    def trip(self, kind: Any, tracing: int) -> None:
        """Note the first failure."""
        self._note(kind, tracing, np.nan)

    def write(self, row: Any, weights: Any = None) -> Any:
        """Record a step: its row, and half the squared norms of the weights if they were updated; the op that does."""
        after = tf.fill([self.variables], np.float32(np.nan)) if weights is None else weights
        return tf.raw_ops.ResourceScatterUpdate(
            resource=self.ring.handle, indices=self.updates % STEPS, updates=tf.concat([row, after], 0)
        )

    def number(self) -> Any:
        """The number of the update at hand, as a tensor."""
        return self.updates.read_value()

    def asked(self) -> int:
        """How many updates were asked for."""
        return int(self.updates.numpy())

    def tripped(self) -> tuple[int, int, int]:
        """What tripped (0: nothing), in which tracing, at which update."""
        kind, tracing, step = (int(one) for one in self.state.numpy())
        return max(kind, 0), tracing, step

    def tripped_in(self, tracing: int) -> Any:
        """Whether it was the step of this tracing that tripped, as a tensor."""
        state = self.state.read_value()
        return tf.logical_and(state[0] > 0, tf.equal(state[1], tracing))

    def counted(self, kind: Any) -> Any:
        """What tripped, as a tensor; nothing where the guard has been disarmed."""
        return tf.where(tf.equal(self.state[0], DISARMED), tf.zeros_like(kind), kind)

    def disarm(self) -> None:
        """From now on the guard lets everything through, in every graph that it was built into."""
        with tf.init_scope():
            self._become(DISARMED, 0.0)

    def wanted(self) -> Any:
        """Whether the batch of the next step is to be kept, although nothing tripped."""
        return tf.equal(self.state[0], WANTED)

    def hold(self, tracing: int) -> None:
        """Note that the batch of this step is kept."""
        self._note(tf.constant(HELD, tf.int64), tracing, 0.0)

    def held(self) -> tuple[int, int] | None:
        """In which tracing a batch was kept although nothing tripped, and at which update; None without one."""
        kind, tracing, step = (int(one) for one in self.state.numpy())
        return (tracing, step) if kind == HELD else None

    def want(self) -> None:
        """Keep the batch of the next step, too, instead of the one that is held."""
        self._become(WANTED, np.nan)

    def clear(self) -> None:
        """Forget the trip: what follows is guarded anew."""
        self._become(0, 0.0)

    def _note(self, kind: Any, tracing: int, alarm: float) -> None:
        self.state.assign(tf.stack([kind, tf.constant(tracing, tf.int64), self.updates.read_value()]))
        self.alarm.assign(alarm)

    def _become(self, kind: int, alarm: float) -> None:
        self.state.assign([kind, 0, 0])
        self.alarm.assign(alarm)

    def rows(self) -> Array:
        """The recorded steps up to the trip, oldest first: shape (steps, 2 + 2 * variables), float32.

        Of a step whose update was not made the weights are NaN.
        """
        kind, _, step = self.tripped()
        last = step if kind else self.asked() - 1
        places = [place % STEPS for place in range(max(0, last - STEPS + 1), last + 1)]
        return np.asarray(self.ring.numpy()[places])
