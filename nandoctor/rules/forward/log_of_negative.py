"""ND202: a logarithm of a negative number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.written_call import kept_above
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import number

DOMAIN_STARTS_AT = {"Log": 0.0, "Log1p": -1.0, "Xlogy": 0.0, "Xlog1py": -1.0}


@dataclass(frozen=True)
class LogOfNegative:
    """A logarithm was taken of a negative number.

    What it finds:
        The op at the origin is a logarithm, its argument is below 0 (for log1p: below -1), and the result is NaN.

    Evidence:
        How many results are NaN, the lowest argument, the argument's range and where it comes from.

    Limit and source:
        One value. IEEE 754: the logarithm of a number below 0 is NaN.

    Remedy:
        Make the argument positive where it is made (`softplus`, `exp` or `sigmoid` as the last activation), or check
        what is fed in: a logarithm of standardized data is a usual slip.

    When it is fine:
        When the NaN is masked away again and takes no gradient. It is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        model = keras.Model(inputs, keras.ops.log(inputs))
        x = np.array([[1.0, 2.0], [3.0, -0.5]], np.float32)
    """

    code: ClassVar[str] = "ND202"
    cause: ClassVar[str] = "log-of-negative"
    title: ClassVar[str] = "Logarithm of a negative number"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is a logarithm of a number below its domain."""
        for origin in step.computed_by(DOMAIN_STARTS_AT):
            lowest = origin.operands[-1].blamed.minimum
            if lowest is not None and lowest < DOMAIN_STARTS_AT[origin.ran]:
                yield self._explain(origin, lowest)

    def _explain(self, origin: Origin, lowest: float) -> Finding:
        argument = origin.operands[-1]
        start = DOMAIN_STARTS_AT[origin.ran]
        return explain(
            self,
            origin,
            f"{origin.deed} of a number below {start:g}: {origin.measured(argument, 'argument')}; the lowest is "
            f"{number(lowest)}, and {origin.results}.",
            evidence={"lowest": lowest, "nonfinite": origin.output.nonfinite, **argument.evidence()},
            limits={"lowest": start},
            remedies=(
                Remedy("positive-activation", "Make the argument positive where it is made: softplus or exp"),
                Remedy("clip-argument", _safe(origin)),
            ),
        )


def _safe(origin: Origin) -> str:
    """How to keep the argument in the domain of the logarithm that ran."""
    if DOMAIN_STARTS_AT[origin.ran] == 0.0:
        return f"Keep the argument above zero: {kept_above(origin.source, 'tf.math.log', '1e-7')}"
    return f"Keep the argument above -1: {kept_above(origin.source, 'tf.math.log1p', '-1 + 1e-6')}"
