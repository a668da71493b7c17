"""ND213: a conversion to a dtype that cannot hold the number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.arithmetic import largest_number, narrow_overflow
from nandoctor.facts.guards import without_rows
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import number


@dataclass(frozen=True)
class CastOverflow:
    """A number was converted to a dtype that cannot hold it.

    What it finds:
        The op at the origin is a Cast, its operand is finite (a float64, as a rule), and the result is Inf.

    Evidence:
        The largest magnitude of the operand, its dtype, and how many results are Inf.

    Limit and source:
        The largest number of the result's dtype: 3.403e+38 for float32 (IEEE 754). A conversion of a float32 number to
        float16 is reported as float16-overflow.

    Remedy:
        Scale the values before the conversion; check whether they mean anything (1e300 is often a marker for
        "missing"), and leave the rows out that hold such a one.

    When it is fine:
        When the Inf is masked away again and takes no gradient. It is then reported as a note.

    Example:
        class Narrow(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float64)])
            def __call__(self, x):
                return tf.cast(x, tf.float32)

        model = Narrow()
        x = np.array([[1.0, 2.0], [1.0, 1e300]])
    """

    code: ClassVar[str] = "ND213"
    cause: ClassVar[str] = "cast-overflow"
    title: ClassVar[str] = "Conversion overflow"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is a conversion of finite numbers."""
        for origin in step.computed_by(("Cast",)):
            if origin.from_finite and origin.operands and not narrow_overflow(origin):
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        operand = origin.operands[0]
        limit = largest_number(origin.output_dtype)
        return explain(
            self,
            origin,
            f"{origin.deed} from {operand.dtype} to {origin.output_dtype} of up to {number(operand.blamed.max_abs)}, "
            f"and {origin.output_dtype} holds up to {number(limit)}: {origin.measured(operand, 'operand')}.",
            evidence={
                "largest_number": operand.blamed.max_abs,
                "nonfinite": origin.output.nonfinite,
                **operand.evidence(),
            },
            limits={"largest_number": limit},
            remedies=(Remedy("scale-operand", "Scale the values before the conversion"), *without_rows(origin)),
        )
