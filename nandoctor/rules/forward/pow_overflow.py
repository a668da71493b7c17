"""ND205: a power beyond the dtype's range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.arithmetic import largest_number, narrow_overflow
from nandoctor.facts.guards import without_rows
from nandoctor.finding import Finding, Remedy, Scalar
from nandoctor.rule import explain
from nandoctor.wording import number


@dataclass(frozen=True)
class PowOverflow:
    """A power of finite numbers that is too large for the dtype.

    What it finds:
        The op at the origin is Pow or Square, base and exponent are finite and inside its domain, and the result is
        Inf.

    Evidence:
        The largest base and the exponent's range, how many results are Inf, and where the base comes from.

    Limit and source:
        The dtype's largest number: 3.403e+38 for float32 (IEEE 754), so a square overflows above 1.845e+19. What
        overflows float16 and not float32 is reported as float16-overflow.

    Remedy:
        Scale the base (inputs, targets) towards 1, or compute with logarithms: exp(y * log(x)) kept in the log domain.
        Rows that are faulty are better left out.

    When it is fine:
        When the Inf is masked away again and takes no gradient. It is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        model = keras.Model(inputs, keras.ops.power(inputs, 10.0))
        x = np.array([[1.0, 2.0], [3.0, 1e4]], np.float32)
    """

    code: ClassVar[str] = "ND205"
    cause: ClassVar[str] = "pow-overflow"
    title: ClassVar[str] = "Power overflow"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is a power of finite numbers, its gradient left to pow-gradient."""
        for origin in step.computed_by(("Pow", "Square")):
            outside = origin.output.nan > 0 or origin.operands[0].blamed.zeros > 0
            of_gradient = origin.phase == "backward" and origin.op_type == "Pow"
            if not origin.from_finite or outside or of_gradient or narrow_overflow(origin):
                continue
            if step.growing_loop(origin) is None:
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        base, exponent = origin.operands[0], origin.operands[1:]
        limit = largest_number(origin.output_dtype)
        raised = "2"
        evidence: dict[str, Scalar] = {"base": base.blamed.max_abs, "nonfinite": origin.output.nonfinite}
        if exponent:
            low, high = exponent[0].blamed.minimum or 0.0, exponent[0].blamed.maximum or 0.0
            raised = number(low) if low == high else f"{number(low)}..{number(high)}"
            evidence |= {"exponent_minimum": low, "exponent_maximum": high}
        return explain(
            self,
            origin,
            f"{origin.deed}: a base of magnitude {number(base.blamed.max_abs)} to the power {raised} is beyond "
            f"{origin.output_dtype}'s largest number {number(limit)}: {origin.measured(base, 'base')}.",
            evidence={**evidence, **base.evidence()},
            limits={"largest_number": limit},
            remedies=(
                Remedy("scale-base", "Scale what is raised to the power towards 1"),
                Remedy("log-domain", "Compute with logarithms: y * log(x) instead of x ** y"),
                *without_rows(origin),
            ),
        )
