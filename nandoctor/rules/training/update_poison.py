"""ND407: an update from finite gradients that leaves weights that are not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import OptimizerFacts, RunFacts, TripFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.stats import DTYPE_LIMITS
from nandoctor.wording import listing, number, plural


@dataclass(frozen=True)
class UpdatePoison:
    """Loss, gradients and learning rate were finite, and the update made weights that are not.

    What it finds:
        A variable that is NaN or Inf right after its update, in a step whose loss, gradients and learning rate were
        all finite. What lies between is the optimizer's own arithmetic: the product of rate and gradient, the square
        that Adam keeps, its slots, a division by its epsilon, and the constraint of the weight.

    Evidence:
        The variables, the norm of the gradient, the learning rate and their product, and which of the possible reasons
        these numbers leave.

    Limit and source:
        `variables` 0 that are not finite. An overflow is named where rate times norm, or the square of the norm, is
        beyond the largest number of the dtype (IEEE 754).

    Remedy:
        Look at the constraint of the weight first (a division by a norm that is 0), then at a custom optimizer; clip
        gradients whose square overflows (`global_clipnorm=1.0`).

    When it is fine:
        Never.

    Example:
        import keras
        import numpy as np

        class UnitLength(keras.constraints.Constraint):
            def __call__(self, w):
                return w / keras.ops.norm(w, axis=-1, keepdims=True)

        keras.utils.set_random_seed(0)
        words = np.random.default_rng(0).integers(0, 20, size=(64, 5))
        table = keras.layers.Embedding(30, 4, embeddings_initializer="zeros", embeddings_constraint=UnitLength())
        model = keras.Sequential([table, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(words, words.mean(axis=1), batch_size=16, verbose=0)
    """

    variables: int = 0

    code: ClassVar[str] = "ND407"
    cause: ClassVar[str] = "update-poison"
    title: ClassVar[str] = "Non-finite weights from a finite step"

    def check(self, run: RunFacts) -> Iterator[Finding]:
        """One error where the guard tripped on the weights."""
        trip, optimizer = run.trip, run.tripped_optimizer
        if trip is None or trip.kind != "weights" or len(trip.bad) < self.variables:
            return
        yield self._explain(trip, optimizer)

    def _explain(self, trip: TripFacts, optimizer: OptimizerFacts | None) -> Finding:
        history = optimizer.history if optimizer else None
        known = history is not None and history.steps > trip.step - history.first_step >= 0
        norm = history.gradient_norm[trip.step - history.first_step] if history and known else math.nan
        rate = math.nan if trip.learning_rate is None else abs(trip.learning_rate)
        layer = trip.bad[0].rpartition("/")[0] if trip.bad else ""
        names = listing(trip.bad, 3) if trip.bad else "a variable"
        measured = "" if math.isnan(norm) else f" The gradient's norm is {number(norm)}"
        measured += (
            f", the learning rate {number(rate)}." if measured and not math.isnan(rate) else "." * bool(measured)
        )
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error",
            title=self.title,
            message=(
                f"{plural(max(len(trip.bad), 1), 'variable')} held NaN or Inf after the update and not before it "
                f"(limit {self.variables}): {names}. Loss, gradients and learning rate were finite.{measured} "
                f"{_reason(norm, rate, optimizer, trip)}"
            ),
            location=Location(phase="update", layer=layer or None),
            evidence={
                "variables": len(trip.bad),
                "gradient_norm": norm,
                "learning_rate": rate,
                "product": norm * rate,
            },
            limits={"variables": self.variables},
            remedies=(
                Remedy(
                    "look-at-constraint", "Guard the weight's constraint against a norm of 0 (tf.math.divide_no_nan)"
                ),
                Remedy("clip-gradient", "Clip the gradient by its norm: the optimizer's global_clipnorm=1.0"),
            ),
            about="update",
        )


def _reason(norm: float, rate: float, optimizer: OptimizerFacts | None, trip: TripFacts) -> str:
    """What the numbers leave as the reason, in a sentence."""
    largest = DTYPE_LIMITS.get(optimizer.dtype if optimizer else "float32", DTYPE_LIMITS["float32"]).largest
    if norm * rate > largest:
        return f"Their product is beyond {number(largest)}."
    if norm > math.sqrt(largest):
        return f"The square of the gradient, which Adam and clipping by norm take, is beyond {number(largest)}."
    constrained = [f"{kind} on {name}" for name, kind in trip.constraints if name in trip.bad]
    if math.isnan(norm):
        return "It arose in the optimizer's arithmetic, its slots, or the constraint of the weight."
    without = "Neither their product nor the gradient's square overflows: it arose in"
    if constrained and len(constrained) == len(trip.bad):
        slots = "" if optimizer is not None and not optimizer.bad_slots else ", or in the optimizer's slots"
        return f"{without} the constraint that the update ends with ({listing(constrained, 3)}){slots}."
    if trip.constraints or optimizer is None or optimizer.bad_slots:
        return f"{without} the constraint of the weight, in the optimizer's slots, or in a division of its own."
    return f"{without} the optimizer's own arithmetic, such as a division, or in a constraint."
