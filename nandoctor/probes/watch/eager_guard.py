"""The guard around an update that runs eagerly: what it reads is computed in two traced functions, not op by op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.probes.compat.watching import unrecorded
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.noted import Noted
from nandoctor.probes.watch.recorder import Recorder
from nandoctor.probes.watch.seen import Trip, Update, all_finite, dense, half_squares, seen_of


@dataclass
class EagerGuard:
    """Guards the updates of one optimizer, and records them; `functions` are those that were traced, by signature."""

    recorder: Recorder
    functions: dict[Any, Any] = field(default_factory=dict)

    def update(self, noted: Noted, update: Update, traced: Callable[[], Tracing]) -> bool:
        """Make the update, unless something is not finite; whether all was.

        `traced` gives the step of one that was not.
        """
        recorder, losses = self.recorder, [loss for loss in noted.losses if loss.dtype.is_floating]
        with unrecorded():
            row, witness, alarm = self._before(losses, update)
            kind = Trip.NONE if np.isfinite(witness) else Trip(int(seen_of(losses, update).first_bad()))
        if kind is Trip.NONE:
            update.begun = True
            update.run()
            update.placed = True
        with unrecorded():
            if kind is not Trip.NONE:
                recorder.write(row)
            elif not np.isfinite(self._after(row, update.variables)):
                kind = Trip.NONE if all_finite([one.read_value() for one in update.variables]) else Trip.WEIGHTS
            if kind is not Trip.NONE:
                recorder.trip(tf.constant(int(kind), tf.int64), traced().number)
            elif np.isnan(alarm) and recorder.wanted() and np.isfinite(row.numpy()).all():
                # A step that a loss scale leaves out is none to look at: its gradients overflow on purpose.
                recorder.hold(traced().number)
            recorder.count()
        return kind is Trip.NONE

    def _before(self, losses: Sequence[Any], update: Update) -> tuple[Any, Any, Any]:
        """The row that is recorded of the update, one number that is finite if all of it is, and the alarm.

        All of it is fetched at once: in a small step, each op that runs for the watch alone is felt.
        """
        rate = tf.cast(update.learning_rate, tf.float32)
        scale = () if update.scale is None else (tf.cast(tf.convert_to_tensor(update.scale), tf.float32),)
        given = (*losses, *dense(update.gradients), rate, *scale)
        key = (len(losses), len(scale), *((one.dtype, one.shape.rank) for one in given))
        if key not in self.functions:

            def numbers(*given: Any) -> Any:
                first, last = len(losses), len(given) - len(scale)
                known = Update(given[first : last - 1], (), given[last - 1], update.run, *given[last:])
                seen = seen_of(given[:first], known)
                return seen.row, tf.stack([seen.witness, self.recorder.alarm.read_value()])

            # The rows of a batch, and those that a sparse gradient has, change from step to step.
            specs = [tf.TensorSpec([None] * one.shape.rank, one.dtype) for one in given]
            self.functions[key] = tf.function(numbers, autograph=False).get_concrete_function(*specs)
        row, told = self.functions[key](*given)
        witness, alarm = told.numpy()
        return row, witness, alarm

    def _after(self, row: Any, variables: Sequence[Any]) -> Any:
        """Record the step; one number that is finite if all weights are."""
        key = tuple(id(one) for one in variables)
        if key not in self.functions:

            def record(row: Any) -> Any:
                weights = tf.stack(half_squares([one.read_value() for one in variables]))
                self.recorder.write(row, weights)
                return tf.reduce_sum(weights)

            self.functions[key] = tf.function(record, autograph=False).get_concrete_function(
                tf.TensorSpec(row.shape, row.dtype)
            )
        return self.functions[key](row).numpy()
