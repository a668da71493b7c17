"""ND220: infinity divided by infinity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.stats import TensorStats


@dataclass(frozen=True)
class InfOverInf:
    """An infinity was divided by an infinity.

    What it finds:
        The op at the origin divides, both of its operands are infinite at the same place, and the result is NaN. A
        hand-written softmax does this: exp overflows, its sum as well, and Inf / Inf is NaN.

    Evidence:
        How many infinities numerator and denominator hold, where they come from, and how many results are NaN.

    Limit and source:
        One value. IEEE 754: Inf / Inf is NaN.

    Remedy:
        Cure what made the infinities, which is the finding this one follows from; for a softmax use `tf.nn.softmax`,
        which subtracts the maximum first.

    When it is fine:
        When the NaN is masked away again and takes no gradient. It is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        exponentials = keras.ops.exp(inputs)
        model = keras.Model(inputs, exponentials / keras.ops.sum(exponentials, axis=-1, keepdims=True))
        x = np.array([[1.0, 2.0], [1.0, 100.0]], np.float32)
    """

    code: ClassVar[str] = "ND220"
    cause: ClassVar[str] = "inf-over-inf"
    title: ClassVar[str] = "Infinity over infinity"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that divided infinities."""
        for origin in step.computed_by(("RealDiv", "Div", "DivNoNan")):
            above, below = origin.operands[0].blamed, origin.operands[-1].blamed
            came_in = above.nan or below.nan
            if origin.output.nan and not came_in and self._infinite(above) and self._infinite(below):
                yield self._explain(origin)

    def _infinite(self, stats: TensorStats) -> int:
        return stats.positive_inf + stats.negative_inf

    def _explain(self, origin: Origin) -> Finding:
        numerator, denominator = origin.operands[0], origin.operands[-1]
        above, below = self._infinite(numerator.blamed), self._infinite(denominator.blamed)
        softmax = Remedy("stable-softmax", "Use tf.nn.softmax, which subtracts the maximum first")
        by_exp = (softmax,) if numerator.op_type == "Exp" else ()
        return explain(
            self,
            origin,
            f"{origin.deed} divides Inf by Inf: {origin.results}, and at those places the numerator"
            f"{origin.whence(numerator)} is infinite {above:,} times and the denominator{origin.whence(denominator)} "
            f"{below:,} times.",
            evidence={"nan": origin.output.nan, "numerator_inf": above, "denominator_inf": below},
            limits={"nan": 0},
            remedies=(*by_exp, Remedy("cure-infinity", "Cure what made the infinities")),
        )
