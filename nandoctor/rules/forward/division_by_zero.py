"""ND203: a division by zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.guards import guards
from nandoctor.finding import Finding
from nandoctor.rule import explain
from nandoctor.wording import plural

DIVISIONS = frozenset(
    {"RealDiv", "Div", "Reciprocal", "Inv", "Rsqrt", "Xdivy", "FloorDiv", "FloorMod", "Mod", "TruncateDiv"}
)


@dataclass(frozen=True)
class DivisionByZero:
    """A division by exactly 0.

    What it finds:
        The op at the origin divides (or takes a reciprocal, or 1 / sqrt), and its denominator is 0. x/0 gives Inf, 0/0
        gives NaN: the message counts them apart. `tf.math.divide_no_nan` gives 0 there and is never reported.

    Evidence:
        How many denominators are 0, how many of them have the numerator 0 as well, and the denominator's range.

    Limit and source:
        One value. IEEE 754: x/0 = Inf, 0/0 = NaN. A denominator below the dtype's smallest normal number counts as 0,
        since 1 over it overflows.

    Remedy:
        `tf.math.divide_no_nan(a, b)` where 0 is the right answer, else a denominator that is kept away from 0:
        `a / tf.maximum(b, epsilon)` where none was seen below 0. A denominator with negative values keeps its sign:
        `tf.where(tf.abs(b) < epsilon, tf.where(b < 0, -epsilon, epsilon), b)`.

    When it is fine:
        When the result is masked away again and takes no gradient. It is then reported as a note.

    Example:
        inputs = keras.Input((3,))
        total = keras.ops.sum(inputs, axis=-1, keepdims=True)
        model = keras.Model(inputs, inputs / total)
        x = np.array([[1.0, 2.0, 3.0], [1.0, -2.0, 1.0]], np.float32)
    """

    code: ClassVar[str] = "ND203"
    cause: ClassVar[str] = "division-by-zero"
    title: ClassVar[str] = "Division by zero"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin of the forward pass that divides by zero."""
        for origin in step.computed_by(DIVISIONS, "forward"):
            if origin.from_finite and (origin.operands[-1].vanishes or origin.operands[-1].blamed.zeros):
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        denominator = origin.operands[-1]
        infinite = origin.output.positive_inf + origin.output.negative_inf
        kinds = [f"{plural(infinite, 'result')} of x/0 (Inf)"] if infinite else []
        if origin.output.nan:
            kinds.append(f"{plural(origin.output.nan, 'result')} of {self._undefined(origin)} (NaN)")
        return explain(
            self,
            origin,
            f"{origin.deed} divides by zero: {origin.measured(denominator, 'denominator')}; {' and '.join(kinds)}.",
            evidence={
                "zeros": denominator.stats.zeros or denominator.blamed.count,
                "nonfinite": origin.output.nonfinite,
                "zero_over_zero": origin.output.nan,
                **denominator.evidence("denominator_"),
            },
            limits={"zeros": 0},
            remedies=guards(origin.ran, denominator),
        )

    def _undefined(self, origin: Origin) -> str:
        return "x modulo 0" if origin.ran in ("FloorMod", "Mod") else "0/0"
