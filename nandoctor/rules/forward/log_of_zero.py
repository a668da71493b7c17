"""ND201: a logarithm of zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.written_call import kept_above
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain

LOGARITHM_AT = {"Log": 0.0, "Log1p": -1.0, "Xlogy": 0.0, "Xlog1py": -1.0}
MAKES_ZEROS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "Relu": "ReLU", "Exp": "exp", "Softplus": "softplus"}


@dataclass(frozen=True)
class LogOfZero:
    """A logarithm was taken of exactly 0.

    What it finds:
        The op at the origin is a logarithm, its argument is exactly 0 (for log1p: -1), and the result is -Inf;
        its gradient 1/0 is Inf or NaN.

    Evidence:
        How many of the argument's values are 0, its minimum and maximum, and which op made the zeros: a softmax
        or sigmoid that rounded to 0, a ReLU, an exponential that underflowed.

    Limit and source:
        One value. IEEE 754: log(0) = -Inf, exactly at 0 and nowhere else.

    Remedy:
        Where a softmax or sigmoid made the zeros, take the loss from the logits (`from_logits=True`,
        `tf.nn.log_softmax`). Anywhere, keep the argument above 0: `tf.math.log(tf.maximum(x, 1e-7))`.

    When it is fine:
        When the -Inf is masked away again and takes no gradient. It is then reported as a note.

    Example:
        class Surprise(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])
            def __call__(self, x):
                return -tf.math.log(tf.nn.softmax(x))

        model = Surprise()
        x = np.array([[0.0, 1.0], [0.0, 200.0]], np.float32)
    """

    code: ClassVar[str] = "ND201"
    cause: ClassVar[str] = "log-of-zero"
    title: ClassVar[str] = "Logarithm of zero"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is a logarithm of zero."""
        for origin in step.computed_by(LOGARITHM_AT):
            argument = origin.operands[-1].blamed
            if argument.minimum == LOGARITHM_AT[origin.ran]:
                yield self._explain(origin, LOGARITHM_AT[origin.ran])

    def _explain(self, origin: Origin, singular: float) -> Finding:
        argument = origin.operands[-1]
        made_by = MAKES_ZEROS.get(argument.op_type or "") if singular == 0.0 else None
        came_from = f" The zeros come from the {made_by}." if made_by else ""
        return explain(
            self,
            origin,
            f"{origin.deed} of exactly {singular:g}: {origin.measured(argument, 'argument')}.{came_from}",
            evidence={"zeros": origin.output.negative_inf + origin.output.positive_inf, **argument.evidence()},
            limits={"zeros": 0},
            remedies=self._remedies(origin, argument.op_type),
        )

    def _remedies(self, origin: Origin, made_by: str | None) -> tuple[Remedy, ...]:
        if origin.ran in ("Log1p", "Xlog1py"):
            safe = kept_above(origin.source, "tf.math.log1p", "-1 + 1e-6")
            return (Remedy("clip-argument", f"Keep the argument above -1: {safe}"),)
        safe = kept_above(origin.source, "tf.math.log", "1e-7")
        clip = Remedy("clip-argument", f"Keep the argument above zero: {safe}")
        if made_by in ("Softmax", "Sigmoid"):
            return Remedy("loss-from-logits", "Compute the loss from the logits instead of probabilities"), clip
        return (clip,)
