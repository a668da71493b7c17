"""ND303: the gradient of a power at its singular point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.written_call import kept_above
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import number


@dataclass(frozen=True)
class PowGradient:
    """The gradient of a power is not finite.

    What it finds:
        The forward pass is finite, and in the gradient of Pow, p * x^(p - 1), the power x^(p - 1) is not: 0 to a
        negative power for an exponent below 1, or beyond the dtype's range.

    Evidence:
        How many bases are at fault, their range, the range of the exponent p - 1, and how many gradients are not
        finite.

    Limit and source:
        One value. d x^p / dx is infinite at x = 0 for p < 1. (TensorFlow guards the logarithm in the exponent's own
        gradient, so that one stays finite.)

    Remedy:
        Keep the base above 0: `tf.pow(tf.maximum(x, 1e-6), p)`, or `tf.pow(x + 1e-6, p)`.

    When it is fine:
        When the gradient is not used (contained): it is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        hidden = keras.layers.Dense(2, kernel_initializer="identity")(inputs)
        model = keras.Model(inputs, keras.ops.exp(keras.ops.power(hidden, 0.3)))
        x = np.array([[1.0, 2.0], [3.0, 0.0]], np.float32)
    """

    code: ClassVar[str] = "ND303"
    cause: ClassVar[str] = "pow-gradient"
    title: ClassVar[str] = "Gradient of a power at its singular point"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is the power in the gradient of a power."""
        for origin in step.computed_by(("Pow",), "backward"):
            if origin.op_type == "Pow" and origin.from_finite and len(origin.operands) > 1:
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        base, exponent = origin.operands[0], origin.operands[1].blamed
        low, high = exponent.minimum or 0.0, exponent.maximum or 0.0
        raised = number(low) if low == high else f"{number(low)}..{number(high)}"
        of_zero = (
            "0" if base.vanishes else f"{number(base.blamed.minimum or 0.0)}..{number(base.blamed.maximum or 0.0)}"
        )
        safe = kept_above(origin.source, "tf.pow", "1e-6", ", exponent")
        return explain(
            self,
            origin,
            f"The gradient of Pow takes {of_zero} to the power {raised}: {origin.measured(base, 'base')}; "
            f"{origin.results}.",
            evidence={
                "bases": base.blamed.count,
                "base_minimum": base.blamed.minimum or 0.0,
                "base_maximum": base.blamed.maximum or 0.0,
                "exponent": low,
                "nonfinite": origin.output.nonfinite,
            },
            limits={"nonfinite": 0},
            remedies=(Remedy("positive-base", f"Keep the base above zero: {safe}"),),
        )
