"""ND207: infinities that cancel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.arithmetic import CONTRACTIONS
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import listing

ADDS = frozenset(
    {"Sub", "Add", "AddV2", "AddN", "Sum", "Mean", "Cumsum", "BiasAdd", "SquaredDifference", "AvgPool", "BiasAddGrad"}
)
SUBTRACTS_MAXIMUM = frozenset({"Softmax", "LogSoftmax", "SoftmaxCrossEntropyWithLogits", "Logsumexp"})


@dataclass(frozen=True)
class InfMinusInf:
    """Two infinities were subtracted, or added with opposite signs.

    What it finds:
        The op at the origin adds or subtracts (sums, means, matrix products, and softmax, which subtracts the
        maximum), an Inf came in, no NaN came in, and a NaN went out.

    Evidence:
        How many Inf and -Inf each operand holds, where they come from, and how many results are NaN.

    Limit and source:
        One value. IEEE 754: Inf - Inf is NaN.

    Remedy:
        Cure what made the infinities, which is the finding this one follows from. Masks: use a large finite number
        (-1e9) instead of -Inf where two masks can meet.

    When it is fine:
        When the NaN is masked away again and takes no gradient. It is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        large = keras.ops.exp(inputs)
        model = keras.Model(inputs, large - keras.ops.max(large, axis=-1, keepdims=True))
        x = np.array([[1.0, 2.0], [1.0, 100.0]], np.float32)
    """

    code: ClassVar[str] = "ND207"
    cause: ClassVar[str] = "inf-minus-inf"
    title: ClassVar[str] = "Infinity minus infinity"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin where infinities cancelled."""
        for origin in step.computed_by(ADDS | SUBTRACTS_MAXIMUM | CONTRACTIONS):
            infinite = sum(operand.blamed.positive_inf + operand.blamed.negative_inf for operand in origin.floats)
            came_in = any(operand.blamed.nan for operand in origin.floats)
            if not origin.output.nan or not infinite or came_in:
                continue
            if origin.ran in CONTRACTIONS and origin.zero_times_infinity:
                continue
            if origin.ran in SUBTRACTS_MAXIMUM and not any(operand.blamed.positive_inf for operand in origin.floats):
                continue
            yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        held = [
            f"{origin.called(operand)} holds {operand.blamed.positive_inf:,} Inf and "
            f"{operand.blamed.negative_inf:,} -Inf"
            for operand in origin.floats
        ]
        return explain(
            self,
            origin,
            f"{origin.deed} cancels infinities against each other: {listing(held, 3)}; {origin.results}.",
            evidence={
                "nan": origin.output.nan,
                "positive_inf": sum(operand.blamed.positive_inf for operand in origin.floats),
                "negative_inf": sum(operand.blamed.negative_inf for operand in origin.floats),
            },
            limits={"nan": 0},
            remedies=(Remedy("cure-infinity", "Cure what made the infinities; use a finite mask such as -1e9"),),
        )
