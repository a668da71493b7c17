"""ND804: norms of zeros."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain_source


@dataclass(frozen=True)
class UnguardedNorm:
    """A norm or a standard deviation through which a gradient is taken, and which is 0 for zeros.

    What it finds:
        `tf.norm`, `keras.ops.norm`, `tf.math.reduce_std` and the like in a loss, a layer or a training step, where a
        gradient is taken.

    Evidence:
        The text of the argument.

    Limit and source:
        Both end with a square root, whose gradient at 0 is infinite: that of the norm of a vector of zeros is NaN,
        and so is that of the spread of equal values. A warning where it is taken along an axis (one row is enough), a
        note where it is taken over everything.

    Remedy:
        `tf.sqrt(tf.reduce_sum(tf.square(x), axis=-1) + 1e-12)`, or `tf.math.l2_normalize`, which has an epsilon.

    When it is fine:
        Where the argument can never be all zeros (all equal); where the norm is only printed or divided with, which
        are not reported or are unguarded-division.

    Example:
        import tensorflow as tf

        def contrastive_loss(y_true, left, right):
            return tf.reduce_mean(y_true * tf.norm(left - right, axis=-1))
    """

    code: ClassVar[str] = "ND804"
    cause: ClassVar[str] = "unguarded-norm"
    title: ClassVar[str] = "Norm without a gradient at zero"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each such norm that is not a divisor or an argument of a logarithm, which says more."""
        for one in source.operations("norm"):
            severity = one.severity(known=one.per_row)
            if severity is None or not one.differentiated or one.feeds is not None:
                continue
            spread = one.function.endswith("std")
            what, of_what = ("standard deviation", "the same") if spread else ("norm", "0")
            yield explain_source(
                self,
                one.place,
                f"The gradient of the {what}{one.where()} is NaN where all values of `{one.operand.text}` along it are "
                f"{of_what}, and nothing in this function excludes that.",
                severity=severity,
                phase="backward",
                evidence={"argument": one.operand.text},
                remedies=(Remedy("add-epsilon", "Take the root of the sum of squares plus an epsilon such as 1e-12"),),
                confidence="medium" if one.per_row else "low",
            )
