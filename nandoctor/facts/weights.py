"""What was observed in the model's variables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nandoctor.stats import TensorStats

Role = Literal[
    "kernel", "recurrent-kernel", "embedding", "bias", "gamma", "beta", "moving-mean", "moving-variance", "other"
]


@dataclass(frozen=True)
class VariableFacts:
    """One variable.

    `name` is its path (`encoder/dense/kernel`), `layer` that path without the last part. `role` is read off
    the name and the shape. `fan_in` is the number of inputs a unit sums over (kernels only). `units` is the
    size of the last axis; `identical_units` how many units (last axis) of a kernel have exactly the same
    weights as another one; `first_bad` the index of the first non-finite element.
    """

    name: str
    layer: str | None
    role: Role
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    stats: TensorStats
    fan_in: int | None = None
    units: int | None = None
    identical_units: int = 0
    first_bad: tuple[int, ...] | None = None

    @property
    def mixes(self) -> bool:
        """Whether this is a trainable, finite kernel that mixes its inputs (a depthwise one keeps channels apart)."""
        finite = self.stats.nonfinite == 0 and self.stats.finite > 0
        return (
            self.role == "kernel" and self.trainable and bool(self.fan_in) and finite and "depthwise" not in self.name
        )

    @property
    def rms(self) -> float:
        """The root mean square of the finite weights (0 where there are none)."""
        return self.stats.norm / math.sqrt(self.stats.finite) if self.stats.finite else 0.0

    @property
    def gain(self) -> float:
        """rms * sqrt(fan_in): what a kernel multiplies the root mean square of an uncorrelated input by."""
        return self.rms * math.sqrt(self.fan_in or 1)


@dataclass(frozen=True)
class WeightFacts:
    """All floating variables of the model, in the model's order."""

    variables: tuple[VariableFacts, ...]
