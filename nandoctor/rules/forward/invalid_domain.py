"""ND206: a function was asked for a value outside its domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain

# Op type: index of the operand that must lie in the domain, and the domain for the message.
DOMAINS: dict[str, tuple[int, str]] = {
    "Sqrt": (0, "0 or more"),
    "Rsqrt": (0, "more than 0"),
    "Pow": (0, "no negative base with a fractional exponent, and no 0 to a negative power"),
    "Acos": (0, "-1..1"),
    "Asin": (0, "-1..1"),
    "Atanh": (0, "between -1 and 1"),
    "Acosh": (0, "1 or more"),
    "Lgamma": (0, "no 0 and no negative whole number"),
    "Digamma": (0, "no 0 and no negative whole number"),
    "Erfinv": (0, "between -1 and 1"),
    "Ndtri": (0, "between 0 and 1"),
    "FusedBatchNormV3": (4, "a variance of 0 or more"),
}


@dataclass(frozen=True)
class InvalidDomain:
    """A function was evaluated outside its domain.

    What it finds:
        The op at the origin is a square root of a negative number, a power of a negative base with a fractional
        exponent or of 0 with a negative one, arc cosine, arc sine or artanh beyond 1, arcosh below 1, lgamma or
        digamma at 0 or a negative whole number, erfinv or ndtri at or beyond the ends, or a batch normalization with
        a negative variance; the result is NaN or Inf.

    Evidence:
        How many values are outside, their minimum and maximum, and where they come from.

    Limit and source:
        One value outside the function's domain (IEEE 754; TensorFlow's documentation of each op). A Lgamma that
        overflows (arguments above 4e+36 in float32) is not meant.

    Remedy:
        Keep the argument inside: `tf.sqrt(tf.maximum(x, 0.0))`, `tf.acos(tf.clip_by_value(x, -1 + 1e-6, 1 - 1e-6))`. A
        variance computed as E[x^2] - E[x]^2 is negative by rounding: use `tf.math.reduce_variance`.

    When it is fine:
        When the result is masked away again and takes no gradient. It is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        model = keras.Model(inputs, keras.ops.sqrt(inputs))
        x = np.array([[1.0, 2.0], [4.0, -1.0]], np.float32)
    """

    code: ClassVar[str] = "ND206"
    cause: ClassVar[str] = "invalid-domain"
    title: ClassVar[str] = "Argument outside the function's domain"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is a function outside its domain."""
        for origin in step.computed_by(DOMAINS):
            if origin.from_finite and self._outside(origin):
                yield self._explain(origin)

    def _outside(self, origin: Origin) -> bool:
        index = DOMAINS[origin.ran][0]
        if index >= len(origin.operands):
            return False
        argument = origin.operands[index].blamed
        match origin.ran:
            case "Pow":
                own_gradient = origin.phase == "backward" and origin.op_type == "Pow"
                return not own_gradient and (origin.output.nan > 0 or argument.zeros > 0)
            case "Rsqrt" | "FusedBatchNormV3":
                return argument.minimum is not None and argument.minimum < 0
            case "Lgamma":
                return argument.minimum is not None and argument.minimum <= 0
            case _:
                return True

    def _explain(self, origin: Origin) -> Finding:
        index, domain = DOMAINS[origin.ran]
        argument = origin.operands[index]
        return explain(
            self,
            origin,
            f"{origin.deed} outside its domain ({domain}): {origin.measured(argument, 'argument')}; {origin.results}.",
            evidence={"outside": origin.output.nonfinite, **argument.evidence(), **self._ends(origin)},
            limits={"outside": 0},
            remedies=(Remedy("clip-argument", f"Keep the argument inside the domain: {domain}"),),
        )

    def _ends(self, origin: Origin) -> dict[str, float]:
        fault = origin.operands[DOMAINS[origin.ran][0]].blamed
        if fault.minimum is None or fault.maximum is None:
            return {}
        return {"lowest_outside": fault.minimum, "highest_outside": fault.maximum}
