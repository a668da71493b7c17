"""ND405: an optimizer that divides by nothing, or starts from NaN."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import OptimizerFacts, RunFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.stats import DTYPE_LIMITS
from nandoctor.wording import listing, number, plural


@dataclass(frozen=True)
class OptimizerEpsilon:
    """The optimizer's epsilon does not keep its divisor from 0, or its slots hold NaN.

    What it finds:
        An epsilon that is 0 in the dtype of the weights: where a gradient is exactly 0 (a column of zeros, a unit that
        is off) Adam divides 0 by 0. An epsilon so small that squared gradients underflow before it counts. NaN or Inf
        in the optimizer's own variables that no gradient of this step explains, as after a restored checkpoint.

    Evidence:
        The epsilon, the dtype, and what it becomes there; the slots and how many.

    Limit and source:
        `epsilon` 0 after rounding to the dtype: half its smallest subnormal number, 2^-25 in float16 (IEEE 754), so
        that 1e-8 is 0 there. The second limit is the root of that smallest number, 2.4e-4 in float16, 3.7e-23 in
        float32: smaller gradients have squares that are 0. `slots` 0.

    Remedy:
        Leave epsilon at 1e-7 and the weights in float32 (`mixed_float16` instead of `float16`); in float16 take an
        epsilon of 1e-3. Build the optimizer anew if a checkpoint brought NaN.

    When it is fine:
        Where nothing tripped the epsilon is a note: no gradient was exactly 0, or small enough.

    Example:
        import keras
        import numpy as np

        keras.utils.set_random_seed(0)
        x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
        x[:, 1] = 0.0
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(epsilon=0.0), "mse")
        model.fit(x, x.sum(axis=1, keepdims=True), batch_size=16, verbose=0)
    """

    epsilon: float = 0.0
    slots: int = 0

    code: ClassVar[str] = "ND405"
    cause: ClassVar[str] = "optimizer-epsilon"
    title: ClassVar[str] = "Optimizer that divides by nothing or starts from NaN"

    def check(self, run: RunFacts) -> Iterator[Finding]:
        """At most one finding for each optimizer."""
        for place, optimizer in enumerate(run.optimizers):
            trip = run.trip
            tripped = trip is not None and trip.kind == "weights" and trip.optimizer == place
            limits = DTYPE_LIMITS.get(optimizer.dtype, DTYPE_LIMITS["float32"])
            bad = trip.bad if trip is not None and tripped else ()
            slots = tuple(name for name in optimizer.bad_slots if not name.endswith("learning_rate"))
            epsilon = math.inf if optimizer.epsilon is None else optimizer.epsilon
            vanishes = epsilon <= max(limits.subnormal / 2, self.epsilon)
            if vanishes and (tripped or not slots):
                yield self._vanishes(optimizer, epsilon, bad, tripped)
            elif len(slots) > self.slots and not _square_overflowed(optimizer, limits.largest):
                yield self._slots(optimizer, slots)
            elif epsilon < math.sqrt(limits.subnormal):
                yield self._small(optimizer, epsilon, math.sqrt(limits.subnormal), bad, tripped)

    def _vanishes(self, optimizer: OptimizerFacts, epsilon: float, bad: tuple[str, ...], tripped: bool) -> Finding:
        rounded = "" if epsilon == 0.0 else f", which is 0 in {optimizer.dtype}"
        then = f" The update made {listing(bad, 3)} non-finite, from finite gradients." if bad else ""
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error" if tripped else "note",
            title=self.title,
            message=(
                f"{optimizer.name} adds an epsilon of {number(epsilon)} to its divisor{rounded}: where a gradient is "
                f"exactly 0 it divides 0 by 0.{then}"
            ),
            location=_location(bad),
            evidence={"epsilon": epsilon, "epsilon_in_dtype": 0.0, "dtype": optimizer.dtype},
            limits={"epsilon": self.epsilon},
            remedies=(
                Remedy("default-epsilon", "Leave epsilon at its default of 1e-7, with weights in float32"),
                Remedy("float32-weights", "Use the policy mixed_float16, which keeps weights and slots in float32"),
            ),
            about=f"optimizer:{optimizer.name}",
        )

    def _small(
        self, optimizer: OptimizerFacts, epsilon: float, limit: float, bad: tuple[str, ...], tripped: bool
    ) -> Finding:
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if tripped else "note",
            title=self.title,
            message=(
                f"{optimizer.name} has an epsilon of {number(epsilon)} in {optimizer.dtype} (limit {number(limit)}): "
                f"the squares of gradients below {number(limit)} are 0 there, and what is divided by the epsilon alone "
                "becomes a step thousands of times too long."
            ),
            confidence="medium",
            location=_location(bad),
            evidence={"epsilon": epsilon, "dtype": optimizer.dtype},
            limits={"epsilon": limit},
            remedies=(Remedy("larger-epsilon", "Take an epsilon of 1e-3, or keep the weights in float32"),),
            about=f"optimizer:{optimizer.name}",
        )

    def _slots(self, optimizer: OptimizerFacts, names: tuple[str, ...]) -> Finding:
        recorded = optimizer.history is not None and optimizer.history.steps
        why = "No recorded gradient is large enough to have made them so" if recorded else "No gradient was recorded"
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error",
            title=self.title,
            message=(
                f"{plural(len(names), 'variable')} of {optimizer.name} itself hold NaN or Inf (limit {self.slots}): "
                f"{listing(names, 3)}. {why}; each further update spoils the weights."
            ),
            location=Location(phase="update"),
            evidence={"slots": len(names), "first": names[0]},
            limits={"slots": self.slots},
            remedies=(Remedy("new-optimizer", "Build the optimizer anew, or restore a checkpoint from before"),),
            about=f"optimizer:{optimizer.name}",
        )


def _square_overflowed(optimizer: OptimizerFacts, largest: float) -> bool:
    """Whether the last gradients were so large that their square, which Adam keeps, is not finite."""
    norms = optimizer.history.gradient_norm if optimizer.history else ()
    return bool(norms) and not norms[-1] <= math.sqrt(largest)


def _location(bad: tuple[str, ...]) -> Location:
    layer = bad[0].rpartition("/")[0] if bad else ""
    return Location(phase="update", layer=layer or None)
