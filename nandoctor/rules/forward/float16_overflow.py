"""ND211: a result that float32 would hold and float16 does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.arithmetic import exact_bound, narrow_overflow
from nandoctor.facts.guards import without_rows
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.stats import DTYPE_LIMITS
from nandoctor.wording import listing, number


@dataclass(frozen=True)
class Float16Overflow:
    """A result overflowed float16 that float32 would have held.

    What it finds:
        The op at the origin, forward or backward, gives float16, its operands are finite, its result is not, and exact
        arithmetic on the operands stays within float32. Casts from float32 are included.

    Evidence:
        An upper bound of the exact result (for sums: number of terms times the largest), the largest operand, and how
        many results are not finite.

    Limit and source:
        IEEE 754 binary16: the largest number is 65,504, so that exp overflows above 11.09 and a square aboven
        255.9.

    Remedy:
        Keep this op in float32 (`dtype="float32"` on the layer, sums and losses first), scale its input down, or use
        bfloat16, which has the range of float32. Rows that are faulty are better left out.

    When it is fine:
        An infinite gradient under a loss scale (mixed_float16 with `LossScaleOptimizer`) now and then: Keras skips
        that step and lowers the scale. Also an Inf that is masked away again with no gradient: it is then a note.

    Example:
        inputs = keras.Input((2,))
        model = keras.Model(inputs, keras.ops.cast(inputs, "float16"))
        x = np.array([[1.0, 2.0], [1.0, 70000.0]], np.float32)
    """

    code: ClassVar[str] = "ND211"
    cause: ClassVar[str] = "float16-overflow"
    title: ClassVar[str] = "Overflow of float16"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin whose result fits float32 and not float16."""
        for origin in step.origins:
            if origin.output_dtype == "float16" and narrow_overflow(origin) and step.growing_loop(origin) is None:
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        limit = DTYPE_LIMITS["float16"].largest
        bound = exact_bound(origin) or 0.0
        operands = [origin.measured(operand, origin.ordinal(operand)) for operand in origin.floats or origin.operands]
        return explain(
            self,
            origin,
            f"{origin.deed} in float16 gives up to {number(bound)} and float16 holds up to {number(limit)} (float32 "
            f"would hold it): {listing(operands, 3)}; {origin.results}.",
            evidence={
                "largest_result": bound,
                "largest_operand": max(operand.blamed.max_abs for operand in origin.operands),
                "nonfinite": origin.output.nonfinite,
            },
            limits={"largest_result": limit},
            remedies=(
                Remedy("op-in-float32", 'Keep this op in float32: dtype="float32" on its layer'),
                Remedy("bfloat16", "Use bfloat16, which has the range of float32"),
                *without_rows(origin),
            ),
        )
