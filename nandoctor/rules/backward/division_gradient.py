"""ND306: a division by zero, or nearly zero, in a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Operand, Origin, StepFacts
from nandoctor.facts.arithmetic import largest_number, narrow_overflow
from nandoctor.facts.guards import guards
from nandoctor.facts.written_call import kept_above
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import number

DIVISIONS = frozenset({"RealDiv", "Div", "Reciprocal", "Inv", "ReciprocalGrad", "InvGrad", "Xdivy", "Rsqrt"})
LOGARITHMS = frozenset({"Log", "Xlogy"})
NAMED_ELSEWHERE = frozenset({"Acos", "Asin", "Atanh", "Acosh", "Prod", "Cumprod"})


@dataclass(frozen=True)
class DivisionGradient:
    """A gradient divides by 0 or by a number so small that the quotient overflows.

    What it finds:
        The op at the origin divides in the gradient of a division, reciprocal or logarithm (1/x, 1/x^2), or in a
        custom gradient, its operands are finite, and its result is not.

    Evidence:
        How many divisors of how many are at fault, how many of them are 0, their range and where they come from.

    Limit and source:
        The dtype's largest number: 3.403e+38 for float32 (IEEE 754). The gradient of a/x needs 1/x^2, which overflows
        float32 for x under 5.4e-20 though a/x itself is finite; that of log(x) needs 1/x, which does so under 2.9e-39.

    Remedy:
        Keep the divisor away from 0: `a / tf.maximum(x, 1e-6)` where none was seen below 0, else with its sign,
        `a / tf.where(tf.abs(x) < 1e-6, tf.where(x < 0, -1e-6, 1e-6), x)`; `tf.math.log(tf.maximum(x, 1e-6))`;
        normalize before dividing.

    When it is fine:
        When the gradient is not used (contained): it is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        divisor = keras.layers.Dense(2, kernel_initializer="identity")(inputs)
        model = keras.Model(inputs, 1e-20 / divisor)
        x = np.array([[1.0, 2.0], [1.0, 1e-30]], np.float32)
    """

    code: ClassVar[str] = "ND306"
    cause: ClassVar[str] = "division-gradient"
    title: ClassVar[str] = "Division by nearly zero in a gradient"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin of the backward pass that divides finite numbers."""
        for origin in step.computed_by(DIVISIONS, "backward"):
            if origin.from_finite and origin.op_type not in NAMED_ELSEWHERE and not narrow_overflow(origin):
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        # The first operand of ReciprocalGrad is 1/x, whose square it takes; the others divide by their last operand.
        by_result = origin.ran in ("ReciprocalGrad", "InvGrad")
        operand = origin.operands[0] if by_result else origin.operands[-1]
        noun = "reciprocal" if by_result else "divisor"
        limit = largest_number(origin.output_dtype)
        kind = "divides by 0" if operand.blamed.zeros else f"overflows {origin.output_dtype} ({number(limit)})"
        return explain(
            self,
            origin,
            f"{origin.deed} {kind}: {origin.measured(operand, noun)}; {origin.results}.",
            evidence={
                "zeros": operand.blamed.zeros,
                "nonfinite": origin.output.nonfinite,
                f"{noun}_at_fault_minimum": operand.blamed.minimum or 0.0,
                f"{noun}_at_fault_maximum": operand.blamed.maximum or 0.0,
                **operand.evidence(f"{noun}_"),
            },
            limits={"largest_number": limit},
            remedies=self._remedies(origin, operand),
        )

    def _remedies(self, origin: Origin, operand: Operand) -> tuple[Remedy, ...]:
        if origin.op_type in LOGARITHMS:
            safe = kept_above(origin.source, "tf.math.log", "1e-6")
            return (Remedy("clip-argument", f"Keep the argument above zero: {safe}"),)
        return guards(origin.ran, operand)
