"""ND212: a result that float32 would hold and bfloat16 does not."""

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
class Bfloat16Overflow:
    """A result overflowed bfloat16 that float32 would have held.

    What it finds:
        The op at the origin, forward or backward, gives bfloat16, its operands are finite, its result is not, and
        exact arithmetic on the operands stays within float32. Casts from float32 are included.

    Evidence:
        An upper bound of the exact result (for sums: number of terms times the largest), the largest operand, and how
        many results are not finite.

    Limit and source:
        bfloat16's largest number is 3.390e+38, 0.4 % under float32's: only a result in between fits one and not the
        other. An overflow of both is reported by its kind (exp-overflow, accumulation-overflow).

    Remedy:
        Scale what reaches this op: a number this close to the limit overflows float32 next. Rows that are faulty
        are better left out.

    When it is fine:
        When the Inf is masked away again and takes no gradient. It is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        model = keras.Model(inputs, keras.ops.cast(inputs, "bfloat16"))
        x = np.array([[1.0, 2.0], [1.0, 3.4e38]], np.float32)
    """

    code: ClassVar[str] = "ND212"
    cause: ClassVar[str] = "bfloat16-overflow"
    title: ClassVar[str] = "Overflow of bfloat16"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin whose result fits float32 and not bfloat16."""
        for origin in step.origins:
            if origin.output_dtype == "bfloat16" and narrow_overflow(origin) and step.growing_loop(origin) is None:
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        limit = DTYPE_LIMITS["bfloat16"].largest
        bound = exact_bound(origin) or 0.0
        operands = [origin.measured(operand, origin.ordinal(operand)) for operand in origin.floats or origin.operands]
        return explain(
            self,
            origin,
            f"{origin.deed} in bfloat16 gives up to {number(bound)} and bfloat16 holds up to {number(limit)} (float32 "
            f"would hold it): {listing(operands, 3)}; {origin.results}.",
            evidence={
                "largest_result": bound,
                "largest_operand": max(operand.blamed.max_abs for operand in origin.operands),
                "nonfinite": origin.output.nonfinite,
            },
            limits={"largest_result": limit},
            remedies=(
                Remedy("scale-operands", "Scale what reaches this op: it is about to overflow float32 as well"),
                *without_rows(origin),
            ),
        )
