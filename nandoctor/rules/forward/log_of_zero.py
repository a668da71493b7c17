"""ND201: a logarithm of zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import plural

LOGARITHM_AT = {"Log": 0.0, "Log1p": -1.0, "Xlogy": 0.0, "Xlog1py": -1.0}
SATURATES = {"Softmax": "softmax", "Sigmoid": "sigmoid", "Relu": "ReLU", "Exp": "exp"}


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
        Take the loss from the logits (`from_logits=True`, `tf.nn.log_softmax`), or keep the argument above 0:
        `tf.math.log(tf.maximum(x, 1e-7))`.

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
        for origin in step.origins:
            if origin.kind == "op" and origin.phase == "forward" and origin.op_type in LOGARITHM_AT:
                yield from self._explain(origin, LOGARITHM_AT[origin.op_type])

    def _explain(self, origin: Origin, singular: float) -> Iterator[Finding]:
        argument = origin.operands[-1]
        fault = argument.at_fault
        if fault is None or fault.minimum != singular or fault.maximum != singular:
            return
        made_by = SATURATES.get(argument.op_type or "")
        came_from = f" The zeros come from the {made_by} in {argument.layer or argument.op}." if made_by else ""
        yield Finding(
            rule=self.code,
            cause=self.cause,
            severity=origin.severity,
            title=self.title,
            message=(
                f"{origin.op_type} of exactly {singular:g}: {fault.count:,} of "
                f"{plural(argument.stats.count, 'value')} of its argument (which lies in "
                f"{argument.stats.minimum:.4g}..{argument.stats.maximum:.4g}).{came_from}"
            ),
            location=origin.location(),
            evidence={
                "zeros": fault.count,
                "values": argument.stats.count,
                "minimum": argument.stats.minimum or 0.0,
                "maximum": argument.stats.maximum or 0.0,
                "argument_from": argument.op or "unknown",
            },
            limits={"zeros": 0},
            remedies=(
                Remedy("loss-from-logits", "Compute the loss from the logits instead of probabilities"),
                Remedy("clip-argument", "Keep the argument above zero: tf.math.log(tf.maximum(x, 1e-7))"),
            ),
            about=origin.about,
        )
