"""ND304: the gradient of an inverse function at the edge of its domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain

EDGES = {"Acos": "-1 or 1", "Asin": "-1 or 1", "Atanh": "-1 or 1", "Acosh": "1"}
DIVISIONS = frozenset({"Reciprocal", "Inv", "RealDiv", "Div", "Rsqrt", "Xdivy"})


@dataclass(frozen=True)
class AcosGradientAtOne:
    """The gradient of arc cosine (arc sine, artanh, arcosh) was taken at the edge of its domain.

    What it finds:
        The forward pass is finite, and the gradient, which divides by sqrt(1 - x^2), 1 - x^2 or sinh, divides by 0
        because x is exactly at the edge (-1 or 1).

    Evidence:
        How many divisors of how many are 0, their range, and how many gradients are not finite.

    Limit and source:
        One value. d acos(x) / dx = -1 / sqrt(1 - x^2) is infinite at -1 and 1.

    Remedy:
        Clip the argument inside the domain: `tf.acos(tf.clip_by_value(x, -1 + 1e-6, 1 - 1e-6))`. For the angle between
        vectors use `tf.atan2(norm of the cross product, dot product)`.

    When it is fine:
        When the gradient is not used (contained): it is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        cosine = keras.layers.Dense(2, kernel_initializer="identity")(inputs)
        model = keras.Model(inputs, keras.ops.arccos(cosine) + 1.0)
        x = np.array([[0.0, 0.5], [0.5, 1.0]], np.float32)
    """

    code: ClassVar[str] = "ND304"
    cause: ClassVar[str] = "acos-gradient-at-one"
    title: ClassVar[str] = "Gradient of an inverse function at the edge of its domain"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that divides by zero in such a gradient."""
        for origin in step.computed_by(DIVISIONS, "backward"):
            if origin.op_type in EDGES and origin.from_finite:
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        divisor = origin.operands[-1]
        return explain(
            self,
            origin,
            f"The gradient of {origin.op_type} divides by zero, which it does where the argument is "
            f"{EDGES[origin.op_type]}: {origin.measured(divisor, 'divisor')}; {origin.results}.",
            evidence={"zeros": divisor.blamed.zeros, "nonfinite": origin.output.nonfinite, **divisor.evidence()},
            limits={"nonfinite": 0},
            remedies=(
                Remedy(
                    "clip-argument", "Clip the argument inside the domain: tf.clip_by_value(x, -1 + 1e-6, 1 - 1e-6)"
                ),
                Remedy("atan2", "For an angle between vectors use tf.atan2"),
            ),
        )
