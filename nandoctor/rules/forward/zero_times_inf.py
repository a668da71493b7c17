"""ND208: zero times infinity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.arithmetic import CONTRACTIONS
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import listing, plural

MULTIPLIES = frozenset(
    {
        "Mul",
        "Prod",
        "SoftmaxCrossEntropyWithLogits",
        "SqrtGrad",
        "RsqrtGrad",
        "ReciprocalGrad",
        "InvGrad",
        "SigmoidGrad",
        "TanhGrad",
    }
)

CURE = (Remedy("cure-infinity", "Cure what made the infinity"),)
WRITTEN_BY_HAND = (
    Remedy("select-instead", "Select instead of multiplying by a mask: tf.where(mask, x, 0.0)"),
    Remedy("multiply-no-nan", "Use tf.math.multiply_no_nan(x, y), which is 0 where y is 0"),
)


@dataclass(frozen=True)
class ZeroTimesInf:
    """Zero was multiplied by infinity.

    What it finds:
        The op at the origin multiplies (element by element, or in a matrix product or convolution), one side is 0, the
        other Inf, no NaN came in, and a NaN went out. A mask that is multiplied on does this: 0 * Inf does not remove
        the Inf.

    Evidence:
        How many zeros and infinities each operand holds, where they come from, and how many results are NaN. For a
        matrix product the pairs are not known, only that both are there: confidence medium.

    Limit and source:
        One value. IEEE 754: 0 * Inf is NaN.

    Remedy:
        Select instead of multiplying: `tf.where(mask, x, 0.0)` or `tf.math.multiply_no_nan(x, mask)`, and cure what
        made the infinity.

    When it is fine:
        When the NaN is masked away again and takes no gradient. It is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        kept = keras.ops.cast(inputs < 80.0, "float32")
        model = keras.Model(inputs, keras.ops.exp(inputs) * kept)
        x = np.array([[1.0, 2.0], [1.0, 100.0]], np.float32)
    """

    code: ClassVar[str] = "ND208"
    cause: ClassVar[str] = "zero-times-inf"
    title: ClassVar[str] = "Zero times infinity"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that multiplied zero by infinity."""
        for origin in step.computed_by(MULTIPLIES | CONTRACTIONS):
            came_in = any(operand.blamed.nan for operand in origin.floats)
            if origin.zero_times_infinity and not came_in:
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        held = []
        for operand in origin.floats:
            infinite = operand.blamed.positive_inf + operand.blamed.negative_inf
            held.append(f"{origin.called(operand)} holds {plural(operand.blamed.zeros, 'zero')} and {infinite:,} Inf")
        paired = all(operand.at_fault is not None for operand in origin.floats)
        return explain(
            self,
            origin,
            f"{origin.deed} multiplies zero by infinity: {listing(held, 3)}; {origin.results}.",
            evidence={
                "nan": origin.output.nan,
                "zeros": sum(operand.blamed.zeros for operand in origin.floats),
                "infinities": sum(
                    operand.blamed.positive_inf + operand.blamed.negative_inf for operand in origin.floats
                ),
            },
            limits={"nan": 0},
            remedies=WRITTEN_BY_HAND if origin.ran == "Mul" and origin.phase == "forward" else CURE,
            confidence="high" if paired else "medium",
        )
