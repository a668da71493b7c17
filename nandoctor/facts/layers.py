"""The profile of a step: its layers, their gradients, its loops, and what came near to a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise, takewhile
from statistics import median

from nandoctor.facts.origin import SourceLine
from nandoctor.stats import DTYPE_LIMITS, TensorStats

_FEWEST_FACTORS = 5
_STEADY = 0.8


@dataclass(frozen=True)
class LayerFacts:
    """One layer's output over all examined batches, in the order of execution.

    `op` and `op_type` are the op that gives the output (`Relu`, `BiasAdd`). `activation` are its statistics.
    `units` is the size of the last axis, `dead_units` how many units were 0 for every row and place (ReLU
    outputs only, else None). `low_share` and `high_share` are the shares of values pinned to the lower and
    upper end of a bounded activation (sigmoid, tanh, softmax: within 1e-3 of the end), None for others.
    `margin` is how far apart the values that a softmax is taken of lie in one row, at most, for a sigmoid their largest
    magnitude; None for other ops. `head` marks the layers that give the model's outputs. `inference` tells the pass it
    was taken in. `sample` are statistics of some of its values, with a histogram.
    """

    layer: str
    op: str
    op_type: str
    dtype: str
    activation: TensorStats
    rows: int
    units: int | None = None
    dead_units: int | None = None
    low_share: float | None = None
    high_share: float | None = None
    head: bool = False
    inference: bool = True
    margin: float | None = None
    sample: TensorStats | None = None


@dataclass(frozen=True)
class GradientFacts:
    """The gradient of the loss with respect to one trainable variable.

    `stats` are over all examined batches (None where TensorFlow gave no gradient), `norm` the largest norm in
    one batch, `weight_norm` the variable's. `cut_by` names the op that lets no gradient through, where the
    variable has none; `reads` the op or input whose result the forward pass multiplies a kernel by (the same one
    for kernels that stand side by side), None where there is none; `looked_up` whether single rows of it are looked
    up, as of an embedding. `sample` are statistics of some of its values, with a histogram.
    """

    variable: str
    layer: str | None
    shape: tuple[int, ...]
    dtype: str
    stats: TensorStats | None
    norm: float
    weight_norm: float
    cut_by: str | None = None
    reads: str | None = None
    looked_up: bool = False
    sample: TensorStats | None = None

    @property
    def kernel(self) -> bool:
        """Whether it is a kernel that every row uses: two axes or more, no embedding, recurrent kernel or bias."""
        name = self.variable.lower()
        named_otherwise = any(word in name for word in ("embedding", "recurrent", "bias"))
        return len(self.shape) >= 2 and not self.looked_up and not named_otherwise

    @property
    def vanished(self) -> bool:
        """Whether the gradient is exactly 0 everywhere, in all examined batches."""
        return self.stats is not None and self.stats.count > 0 and self.stats.zeros == self.stats.count

    @property
    def ratio(self) -> float | None:
        """Gradient norm over weight norm; None for a variable of zeros or without a gradient."""
        if self.stats is None or self.weight_norm == 0.0:
            return None
        return self.norm / self.weight_norm


@dataclass(frozen=True)
class TermFacts:
    """One term of a loss that is a sum: a loss function, a regularizer, what a layer added.

    `op` gives it, `outputs` are the model's outputs that it is computed from and, where there are none, `variables` the
    variables. `stats` are over its value in each examined batch. `origins` are the ids of the origins whose non-finite
    values arrived in it.
    """

    op: str
    op_type: str
    layer: str | None
    outputs: tuple[str, ...]
    stats: TensorStats
    origins: tuple[int, ...] = ()
    variables: tuple[str, ...] = ()
    source: SourceLine | None = None

    @property
    def name(self) -> str:
        """The term for a message: its op, and the outputs or the few variables that it is computed from."""
        if self.outputs:
            return f"{self.op} (of output {', '.join(self.outputs)})"
        return f"{self.op} (of {', '.join(self.variables)})" if 0 < len(self.variables) <= 2 else self.op


@dataclass(frozen=True)
class AbsorbedFacts:
    """An addition that one operand does not change, being smaller than half of what the other's dtype tells apart.

    Looked at in some rows of the first batch: at `absorbed` of `places` places where the small operand is not 0, the
    result is the large operand. `small` is the largest magnitude of the one, `large` the smallest of the other;
    `small_from` and `large_from` name what gave them.
    """

    op: str
    op_type: str
    layer: str | None
    dtype: str
    places: int
    absorbed: int
    small: float
    large: float
    small_from: str | None = None
    large_from: str | None = None


@dataclass(frozen=True)
class LoopFacts:
    """An op inside a loop whose magnitude was followed: its largest magnitude at each iteration (first batch)."""

    loop: str
    op: str
    op_type: str
    layer: str | None
    dtype: str
    max_abs: tuple[float, ...]
    source: SourceLine | None = None

    @property
    def finite(self) -> tuple[float, ...]:
        """The magnitudes up to the first iteration that was not finite."""
        return tuple(takewhile(math.isfinite, self.max_abs))

    @property
    def growth(self) -> float | None:
        """The factor by which the magnitude grows at each iteration, None unless the growth is geometric.

        It is the median factor of the second half; geometric means that every factor of that half is above 1 and
        that their median has kept at least 80 % (in logarithms) of the first half's: a counter or a polynomial
        slows down to a third, a bounded state stops. Fewer than 6 iterations show nothing.
        """
        values = self.finite
        start = next((index for index, value in enumerate(values) if value > 0.0), len(values))
        steps = [math.log2(after / before) for before, after in pairwise(values[start:]) if before > 0.0 < after]
        if len(steps) < _FEWEST_FACTORS or 0.0 in values[start:]:
            return None
        half = len(steps) // 2
        early, late = median(steps[:half]), median(steps[half:])
        if min(steps[half:]) <= 0.0 or late < _STEADY * early:
            return None
        return float(2.0**late)


@dataclass(frozen=True)
class NearLimit:
    """An op whose largest finite result used up more than half of its dtype's powers of two."""

    op: str
    op_type: str
    layer: str | None
    dtype: str
    magnitude: float

    @property
    def headroom(self) -> float:
        """Powers of two between the magnitude and the dtype's largest finite number."""
        return math.log2(DTYPE_LIMITS[self.dtype].largest) - math.log2(self.magnitude)
