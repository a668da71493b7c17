"""ND805: exponentials that overflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts, SourceOperation
from nandoctor.finding import Finding, Remedy, Scalar
from nandoctor.rule import explain_source


@dataclass(frozen=True)
class UnguardedExp:
    """An exponential whose argument nothing in the source keeps below 88.72.

    What it finds:
        exp and expm1 in a loss, a layer or a training step whose argument has no upper bound; and softmax, sigmoid,
        softplus and logsumexp written by hand with them.

    Evidence:
        The text of the argument, the highest value that the source alone allows, and the function written by hand.

    Limit and source:
        exp(x) overflows float32 above ln(3.4e38) = 88.72 (`highest`), float16 above 11.09. A warning for what is
        written by hand, since there is a function that does not overflow (Inf / Inf is NaN); a note for any other.

    Remedy:
        `tf.nn.softmax`, `tf.math.softplus`, `tf.reduce_logsumexp`, `tf.sigmoid`; or subtract the largest value first,
        or clip the argument.

    When it is fine:
        Of what is never positive (minus a square, an absolute value, a ReLU), of bounded functions, behind
        clip_by_value and minimum, and after the largest value was subtracted, nothing is reported.

    Example:
        import tensorflow as tf
        import keras

        class Attention(keras.layers.Layer):
            def call(self, scores):
                weights = tf.exp(scores)
                return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)
    """

    highest: float = 88.72

    code: ClassVar[str] = "ND805"
    cause: ClassVar[str] = "unguarded-exp"
    title: ClassVar[str] = "Exponential that nothing keeps from overflowing"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each such exponential."""
        for one in source.operations("exp"):
            severity = one.severity(known=one.by_hand is not None)
            if severity is None or one.operand.high <= self.highest:
                continue
            by_hand = ""
            evidence: dict[str, Scalar] = {"argument": one.operand.text, "highest": one.operand.high}
            if one.by_hand:
                by_hand = f" This is a {one.by_hand} written by hand: its value or its gradient is not finite then."
                evidence["by_hand"] = one.by_hand
            yield explain_source(
                self,
                one.place,
                f"The exponential{one.where()} overflows float32 where its argument `{one.operand.text}` is above "
                f"{self.highest:g}, and nothing in this function excludes it.{by_hand}",
                severity=severity,
                phase="forward",
                evidence=evidence,
                limits={"highest": self.highest},
                remedies=self._remedies(one),
                confidence="medium" if one.by_hand else "low",
            )

    def _remedies(self, one: SourceOperation) -> tuple[Remedy, ...]:
        clip = Remedy("clip-argument", f"Bound the argument: exp(clip_by_value({one.operand.text}, -20.0, 20.0))")
        if one.by_hand:
            return Remedy("library-function", f"Use the library's {one.by_hand}, which does not overflow"), clip
        return (clip,)
