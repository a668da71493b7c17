"""ND299: an op gave a non-finite result, and no other rule can say why."""

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
class NonfiniteOperation:
    """An op of the forward pass gave NaN or Inf.

    What it finds:
        Any op whose operands were finite and whose result is not, or that turned Inf into NaN. It is the report of
        last resort: a rule that knows the op's mathematics takes its place.

    Evidence:
        How many results are NaN and Inf, and the range of each operand.

    Limit and source:
        One value.

    Remedy:
        Look at the operands: the ones that are huge, 0 or outside what the op's documentation allows. Rows that are
        faulty are better left out.

    When it is fine:
        When the values are masked away again and take no gradient. It is then reported as a note.

    Example:
        class Beta(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])
            def __call__(self, x):
                return tf.math.betainc(x, x, x)

        model = Beta()
        x = np.array([[0.5, 0.5], [0.5, -2.0]], np.float32)
    """

    code: ClassVar[str] = "ND299"
    cause: ClassVar[str] = "nonfinite-operation"
    title: ClassVar[str] = "An operation gave a non-finite result"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding of low confidence for each origin that an op of the forward pass computed."""
        for origin in step.origins:
            if origin.kind == "op" and origin.phase == "forward":
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
                Remedy("check-operands", "Look for operands that are huge, 0, or outside the op's domain"),
                *without_rows(origin),
            ),
            confidence="low",
        )
