"""ND402: updates too small for the weights to take up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from nandoctor.facts import History, OptimizerFacts, RunFacts
from nandoctor.facts.dynamics import update_ratios
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.stats import DTYPE_LIMITS
from nandoctor.wording import number


@dataclass(frozen=True)
class LearningRateTooLow:
    """The updates are so small that the weights, in their dtype, cannot take them up.

    What it finds:
        Updates below half of the weights' last digit, step after step, or weights that do not change at all, while the
        gradient is there and the loss stays where it was. Typical of a learning rate of 1e-10, of one that is 0 from
        the start, and of weights that are kept in bfloat16, to which 1e-3 of their size cannot be added.

    Evidence:
        The median ratio of update to weights (measured, or for plain gradient descent rate times gradient), or the
        unchanged norm of every variable; the loss of the first and the second half; the ratio of gradient to weights.

    Limit and source:
        Half the dtype's epsilon: 6e-8 in float32, 2e-3 in bfloat16, 5e-4 in float16 (IEEE 754: a smaller addend is
        rounded away). Only over at least `steps` 50 recorded steps, with a loss that fell by less than `fall` 0.01, and
        with a gradient of at least `gradient` 1e-6 of the weights (below it, it is the gradient that has vanished:
        TheDeepChecker, 2022). A rate that was ever 10 times higher in the record has decayed, and is left alone.

    Remedy:
        A larger learning rate: 1e-3 for Adam, 1e-2 for SGD on scaled data are where to start. Keep the weights in
        float32 (`mixed_bfloat16` instead of `bfloat16`).

    When it is fine:
        At the end of a schedule, and for a model that has learned what there is. Neither is reported. Where the record
        does not reach back to the first step it is a note.

    Example:
        import keras
        import numpy as np

        keras.utils.set_random_seed(0)
        x = np.random.default_rng(0).normal(size=(640, 4)).astype("float32")
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(1e-10), "mse")
        model.fit(x, x.sum(axis=1, keepdims=True), batch_size=16, epochs=2, verbose=0)
    """

    steps: int = 50
    fall: float = 0.01
    gradient: float = 1e-6

    code: ClassVar[str] = "ND402"
    cause: ClassVar[str] = "learning-rate-too-low"
    title: ClassVar[str] = "Learning rate too low"

    def check(self, run: RunFacts) -> Iterator[Finding]:
        """At most one finding for each optimizer."""
        for optimizer in run.optimizers:
            history = optimizer.history
            if history is None or history.steps < self.steps or run.trip is not None:
                continue
            ratios = [ratio for ratio in update_ratios(optimizer, history) if math.isfinite(ratio)]
            limit = DTYPE_LIMITS.get(optimizer.dtype, DTYPE_LIMITS["float32"]).epsilon / 2
            if not self._stuck(history) or _decayed(history):
                continue
            # A few single updates that were measured do not stand for all of them.
            enough = len(ratios) >= self.steps
            if enough and median(ratios) < limit:
                yield self._explain(optimizer, history, median(ratios), limit)
            elif not enough and _unchanged(history):
                yield self._explain(optimizer, history, None, limit)

    def _stuck(self, history: History) -> bool:
        """Whether there is a gradient, and the loss stays where it is."""
        early, late = _halves(history.loss)
        gradients = [
            gradient / weights
            for gradient, weights in zip(history.gradient_norm, history.weight_norm, strict=True)
            if weights > 0 and math.isfinite(gradient / weights)
        ]
        if not gradients or math.isnan(early) or math.isnan(late):
            return False
        return median(gradients) >= self.gradient and early - late < self.fall * abs(early)

    def _explain(self, optimizer: OptimizerFacts, history: History, ratio: float | None, limit: float) -> Finding:
        early, late = _halves(history.loss)
        rate = history.learning_rate[-1]
        measured = (
            f"no variable's norm changed at all in {history.steps:,} steps"
            if ratio is None
            else f"the updates are {number(ratio)} of the weights (median of {history.steps:,} steps)"
        )
        evidence: dict[str, int | float | str] = {
            "learning_rate": rate,
            "steps": history.steps,
            "loss_early": early,
            "loss_late": late,
        }
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if history.first_step == 0 else "note",
            title=self.title,
            message=(
                f"With a learning rate of {number(rate)} for {optimizer.name}, {measured}; below {number(limit)} "
                f"{optimizer.dtype} rounds them away. The loss stays: {number(early)} in the first half and "
                f"{number(late)} in the second (limit: a fall of {self.fall:.0%})."
            ),
            confidence="medium" if ratio is None else "high",
            location=Location(phase="update"),
            evidence=evidence if ratio is None else {**evidence, "update_to_weight": ratio},
            limits={"update_to_weight": limit, "steps": self.steps, "fall": self.fall, "gradient": self.gradient},
            remedies=(
                Remedy("raise-learning-rate", "Raise the learning rate: 1e-3 for Adam or 1e-2 for SGD to start with"),
                Remedy("float32-weights", "Keep the weights in float32: the policy mixed_bfloat16 or mixed_float16"),
            ),
            about=f"optimizer:{optimizer.name}",
        )


def _halves(losses: tuple[float, ...]) -> tuple[float, float]:
    """The median loss of the first and of the second half, NaN where there is none."""
    half = len(losses) // 2
    parts = [[loss for loss in part if math.isfinite(loss)] for part in (losses[:half], losses[half:])]
    early, late = (median(part) if part else math.nan for part in parts)
    return early, late


def _decayed(history: History) -> bool:
    """Whether the rate was ten times higher before than it is, or is not known."""
    rates = [abs(rate) for rate in history.learning_rate]
    return not all(map(math.isfinite, rates)) or max(rates) > 10.0 * rates[-1]


def _unchanged(history: History) -> bool:
    """Whether the norm of each variable was the same after every step."""
    return bool(history.weight_norms) and all(len(set(norms)) == 1 for norms in history.weight_norms.values())
