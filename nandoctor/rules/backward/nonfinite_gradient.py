"""ND399: a gradient is not finite, and no other rule can say why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.guards import without_rows
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import listing


@dataclass(frozen=True)
class NonfiniteGradient:
    """An op of the backward pass gave NaN or Inf.

    What it finds:
        Any op of the gradient graph whose operands were finite and whose result is not, or that turned Inf into NaN.
        It is the report of last resort: a rule that knows the op's mathematics takes its place.

    Evidence:
        How many results are NaN and Inf, and the range of each operand.

    Limit and source:
        One value.

    Remedy:
        Look at the operands: the ones that are huge or 0; check a custom gradient at the edges of its domain.

    When it is fine:
        When the gradient is not used (contained): it is then reported as a note.

    Example:
        leaky = keras.layers.LeakyReLU(negative_slope=1e30)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, kernel_initializer="identity"), leaky])
        x = np.array([[1.0, 2.0], [1.0, -1e-20]], np.float32)
    """

    code: ClassVar[str] = "ND399"
    cause: ClassVar[str] = "nonfinite-gradient"
    title: ClassVar[str] = "A gradient operation gave a non-finite result"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding of low confidence for each origin that an op of the gradient graph computed."""
        for origin in step.origins:
            if origin.kind == "op" and origin.phase == "backward":
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        operands = [origin.measured(operand, origin.ordinal(operand)) for operand in origin.operands]
        output = origin.output
        given = f" Its operands: {listing(operands, 4)}." if operands else ""
        return explain(
            self,
            origin,
            f"{origin.deed}: {origin.results}.{given}",
            evidence={
                "nonfinite": output.nonfinite,
                "nan": output.nan,
                "inf": output.positive_inf + output.negative_inf,
                "results": output.count,
            },
            limits={"nonfinite": 0},
            remedies=(
                Remedy("check-operands", "Look for operands that are huge or 0, and check custom gradients"),
                *without_rows(origin),
            ),
            confidence="low",
        )
