"""ND499: the watch tripped, and the replay does not say why."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import RunFacts, TripFacts
from nandoctor.finding import Finding, Location, Phase, Remedy
from nandoctor.wording import listing, number

WHAT = {
    "loss": "the loss was not finite",
    "gradient": "a gradient of a finite loss was not finite",
    "learning-rate": "the learning rate was not finite",
    "weights": "the update left weights that are not finite",
    "evaluation": "an evaluation gave values that are not finite",
    "other-worker": "another worker's step was not finite, and all workers stopped together",
}
PHASES: dict[str, Phase] = {"loss": "forward", "evaluation": "forward", "gradient": "backward"}


@dataclass(frozen=True)
class UnexplainedTrip:
    """Training tripped, and running the failing step once more does not explain it.

    What it finds:
        A step that was not finite in the running script, and that could not be replayed, or was finite in the replay.
        It is the report of last resort: any finding that explains the trip takes its place.

    Evidence:
        What was not finite, at which step, the names of the losses, gradients or variables, the last losses before, and
        why there was no replay or that it was finite.

    Limit and source:
        One value.

    Remedy:
        Where the replay was finite, the step depends on something that the watch cannot keep: a table, a file, the
        clock, another process, the order in which threads add. Make the step depend on its inputs alone, or set
        `tf.config.experimental.enable_op_determinism()`, and run it again.

    When it is fine:
        Never: something was not finite.

    Example:
        import keras
        import numpy as np
        import tensorflow as tf

        calls = tf.lookup.experimental.MutableHashTable(tf.int64, tf.int64, default_value=0)
        key = tf.constant(0, tf.int64)

        def moody_error(wanted, predicted):
            count = tf.reshape(calls.lookup(key) + 1, [])
            with tf.control_dependencies([calls.insert(key, count)]):
                factor = tf.where(count == 5, np.nan, 1.0)
            return factor * tf.reduce_mean(tf.square(wanted - predicted))

        keras.utils.set_random_seed(0)
        x = np.random.default_rng(0).normal(size=(128, 3)).astype("float32")
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("adam", moody_error)
        model.fit(x, x.sum(axis=1, keepdims=True), batch_size=16, verbose=0)
    """

    code: ClassVar[str] = "ND499"
    cause: ClassVar[str] = "unexplained-trip"
    title: ClassVar[str] = "Training tripped for a reason that its replay does not show"

    def check(self, run: RunFacts) -> Iterator[Finding]:
        """One error where the guard tripped."""
        if run.trip is not None and run.trip.kind != "evaluation":
            yield self._explain(run, run.trip)

    def _explain(self, run: RunFacts, trip: TripFacts) -> Finding:
        optimizer = run.tripped_optimizer
        history = optimizer.history.before(trip.step) if optimizer and optimizer.history else None
        losses = tuple(loss for loss in history.loss[-3:] if math.isfinite(loss)) if history else ()
        before = f" The losses before were {listing([number(loss) for loss in losses])}." if losses else ""
        bad = f" ({listing(trip.bad, 4)})" if trip.bad else ""
        if trip.not_replayed is not None:
            why = f"The step could not be run again: {textwrap.shorten(trip.not_replayed, 200, placeholder=' ...')}."
        elif trip.reproduced is False and trip.kind not in ("weights", "learning-rate"):
            why = (
                "Run again op by op on the same batch and weights, the step was finite: it depends on something else "
                "than these."
            )
        else:
            why = "No rule can say why."
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error",
            title=self.title if trip.not_replayed is None else "Training tripped, and its step was not replayed",
            message=f"At step {trip.step:,} {WHAT[trip.kind]}{bad}. {why}{before}",
            location=Location(phase=PHASES.get(trip.kind, "update")),
            evidence={"kind": trip.kind, "bad": len(trip.bad)} | ({"loss_before": losses[-1]} if losses else {}),
            limits={"nonfinite": 0},
            remedies=_remedies(trip),
            about="trip",
        )


def _remedies(trip: TripFacts) -> tuple[Remedy, ...]:
    if trip.kind == "other-worker":
        return (Remedy("read-worker-report", "Read the report of that worker"),)
    if trip.not_replayed is not None:
        return (Remedy("report-limit", "This is a limit of nandoctor, not of your script: please report it"),)
    return (Remedy("repeatable-step", "Let the step depend on its batch and the weights alone"),)
