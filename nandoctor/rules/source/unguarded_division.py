"""ND802: divisions by what may be 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts, SourceOperation
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain_source

COMPUTED = frozenset({"reduce_sum", "sum", "count_nonzero", "reduce_mean", "mean", "difference", "norm", "prediction"})


@dataclass(frozen=True)
class UnguardedDivision:
    """A division whose divisor nothing in the source keeps away from 0.

    What it finds:
        Quotients, `tf.divide`, `reciprocal` and powers of -1 in a loss, a layer or a training step by a sum, a mean,
        a difference, a norm, a spread, a prediction or a target that nothing in the same function keeps away from 0.
        Divisors of which only the name is seen are not reported.

    Evidence:
        The text of the divisor, the range that the source alone guarantees, and, where it is known to be 0 somewhere,
        why: an empty mask, the spread of equal values, the norm of zeros.

    Limit and source:
        x / 0 is infinite and 0 / 0 is NaN (IEEE 754). A warning where the divisor is known to become 0, a note where
        nothing excludes it.

    Remedy:
        `tf.math.divide_no_nan(a, b)`, or `a / tf.maximum(b, 1e-7)`.

    When it is fine:
        Sizes and shapes, constants, settings, and divisors behind maximum, clip_by_value, an added epsilon or a
        comparison are not reported.

    Example:
        import tensorflow as tf

        def masked_loss(y_true, y_pred):
            mask = tf.cast(y_true >= 0, tf.float32)
            return tf.reduce_sum(mask * tf.square(y_true - y_pred)) / tf.reduce_sum(mask)
    """

    code: ClassVar[str] = "ND802"
    cause: ClassVar[str] = "unguarded-division"
    title: ClassVar[str] = "Division that nothing keeps away from 0"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each such division."""
        for one in source.operations("division"):
            known = one.operand.why(0.0)
            severity = one.severity(known=known is not None)
            if severity is None or not (known or one.operand.made_by in COMPUTED):
                continue
            reason = f"it can be: {known}" if known else "nothing in this function excludes it"
            yield explain_source(
                self,
                one.place,
                f"The quotient{one.where()} is not finite where its divisor `{one.operand.text}` is 0, and {reason}.",
                severity=severity,
                phase="forward",
                evidence={"divisor": one.operand.text, "lowest": one.operand.low, "highest": one.operand.high},
                limits={"lowest": 0.0},
                remedies=self._remedies(one),
                confidence="medium" if known else "low",
            )

    def _remedies(self, one: SourceOperation) -> tuple[Remedy, ...]:
        clip = Remedy("clip-divisor", f"Keep the divisor above 0: maximum({one.operand.text}, 1e-7)")
        return Remedy("divide-no-nan", "Use tf.math.divide_no_nan, which gives 0 for a divisor of 0"), clip
