"""ND403: a learning rate that is no positive number."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from nandoctor.facts import OptimizerFacts, RunFacts, SourceLine
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import number


@dataclass(frozen=True)
class NonfiniteLearningRate:
    """The learning rate is NaN, infinite or negative.

    What it finds:
        A schedule or a callback that gives NaN or Inf, which the next update would have put into every weight; or a
        number below 0, with which each update climbs the loss instead of descending it.

    Evidence:
        The rate, the first step that had it, and the last good rate before it.

    Limit and source:
        `rate` 0: gradient descent moves against the gradient. One step.

    Remedy:
        Bound what the schedule computes by: `tf.minimum(step, steps)` under a root or in a fraction, and
        `tf.maximum(rate, 0.0)` around it; let a callback return a rate for each epoch there will be.

    When it is fine:
        Never for NaN and Inf. A negative rate climbs on purpose where somebody maximizes; to say so in the loss
        (`-objective`) is what a reader expects.

    Example:
        import keras
        import numpy as np

        class RootDecay(keras.optimizers.schedules.LearningRateSchedule):
            def __call__(self, step):
                return 0.1 * keras.ops.sqrt(1.0 - keras.ops.cast(step, "float32") / 10.0)

        keras.utils.set_random_seed(0)
        x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(RootDecay()), "mse")
        model.fit(x, x.sum(axis=1, keepdims=True), batch_size=16, verbose=0)
    """

    rate: float = 0.0

    code: ClassVar[str] = "ND403"
    cause: ClassVar[str] = "nonfinite-learning-rate"
    title: ClassVar[str] = "Learning rate that is no positive number"

    def check(self, run: RunFacts) -> Iterator[Finding]:
        """One error for each optimizer that was given such a rate."""
        for place, optimizer in enumerate(run.optimizers):
            first = optimizer.history.first_step if optimizer.history else 0
            rates = optimizer.history.learning_rate if optimizer.history else ()
            bad = [index for index, rate in enumerate(rates) if not self.rate <= rate < math.inf]
            trip = run.trip
            if trip is not None and trip.kind == "learning-rate" and trip.optimizer == place:
                good = [rate for index, rate in enumerate(rates) if index not in bad and first + index < trip.step]
                rate = math.nan if trip.learning_rate is None else trip.learning_rate
                found = self._explain(optimizer, rate, trip.step, good[-1] if good else None)
                # With the trip come its epoch and batch, too.
                found = replace(found, location=Location(phase="update"))
                yield found if trip.rate_made is None else _with_line(found, *trip.rate_made)
            elif bad:
                yield self._explain(
                    optimizer, rates[bad[0]], first + bad[0], rates[bad[0] - 1] if bad[0] else None, len(bad)
                )

    def _explain(
        self, optimizer: OptimizerFacts, rate: float, step: int, before: float | None, steps: int = 1
    ) -> Finding:
        source = f"the schedule {optimizer.schedule}" if optimizer.schedule else "its last setting"
        told = "" if before is None else f"; it was {number(before)} before"
        many = f" in {steps:,} of the recorded steps" if steps > 1 else ""
        does = "climbs the loss" if rate < 0 else "would make every weight non-finite"
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error",
            title=self.title,
            message=(
                f"The learning rate of {optimizer.name} is {number(rate)} at step {step:,}{many}, from {source} "
                f"(limit: finite, and at least {number(self.rate)}){told}. An update with it {does}."
            ),
            location=Location(phase="update", step=step),
            evidence={"rate": rate, "steps": steps} | ({} if before is None else {"rate_before": before}),
            limits={"rate": self.rate},
            remedies=(
                Remedy("bound-schedule", "Bound the step that the schedule computes with, and its result from below"),
            ),
            about=f"optimizer:{optimizer.name}",
        )


def _with_line(finding: Finding, op_type: str, line: SourceLine) -> Finding:
    """The finding with the op and the line of the schedule that make the rate what it is."""
    return replace(
        finding,
        message=f"{finding.message} At that step the schedule's {op_type} gives NaN or Inf from finite numbers.",
        location=replace(
            finding.location, file=line.file, line=line.line, function=line.function, code=line.code, op_type=op_type
        ),
    )
