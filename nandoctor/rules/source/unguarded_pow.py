"""ND806: powers outside of their domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain_source
from nandoctor.wording import number


@dataclass(frozen=True)
class UnguardedPow:
    """A power with a broken or negative exponent whose base nothing in the source keeps above 0.

    What it finds:
        `tf.pow`, `keras.ops.power` and `**` with a constant exponent that is broken or negative, in a loss, a layer
        or a training step, whose base may be negative or 0 as far as the function shows.

    Evidence:
        The text of the base, the exponent, and, where the base is known to be 0 somewhere, why.

    Limit and source:
        A negative number to a broken power is NaN; 0 to a negative power is infinite; the gradient of x**p at 0 is
        infinite for p < 1. A warning where the base is known to become 0, a note where nothing excludes it.

    Remedy:
        Keep the base above 0: `tf.pow(tf.maximum(x, 1e-7), p)`.

    When it is fine:
        Whole exponents from 0 on, exponents from 1 on of what is never negative, and exponents that are settings.

    Example:
        import keras
        import tensorflow as tf

        class Pooling(keras.layers.Layer):
            def call(self, x):
                return tf.pow(tf.reduce_mean(tf.nn.relu(x), axis=1), 1 / 3)
    """

    code: ClassVar[str] = "ND806"
    cause: ClassVar[str] = "unguarded-pow"
    title: ClassVar[str] = "Power that nothing keeps in its domain"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each such power."""
        for one in source.operations("pow"):
            if one.exponent is None:
                continue
            # From 1 on, a broken power is well at 0.
            known = one.operand.why(0.0) if one.exponent < 1.0 else None
            severity = one.severity(known=known is not None)
            if severity is None:
                continue
            if one.operand.low >= 0.0 and one.exponent > 0.0 and not one.differentiated:
                continue
            at_zero = ", and singular at 0" if one.exponent < 1.0 else ""
            harm = f"The power{one.where()} is NaN where its base `{one.operand.text}` is negative{at_zero}"
            if one.operand.low >= 0.0:
                what = "is infinite" if one.exponent < 0.0 else "has an infinite gradient"
                harm = f"The power{one.where()} {what} where its base `{one.operand.text}` is 0"
            yield explain_source(
                self,
                one.place,
                f"{harm} (exponent {number(one.exponent)}); "
                f"{f'it can be 0: {known}' if known else 'nothing in this function excludes it'}.",
                severity=severity,
                phase="backward" if one.operand.low >= 0.0 and one.exponent > 0.0 else "forward",
                evidence={"base": one.operand.text, "exponent": one.exponent, "lowest": one.operand.low},
                limits={"lowest": 0.0},
                remedies=(Remedy("clip-base", f"Keep the base above 0: pow(maximum({one.operand.text}, 1e-7), ...)"),),
                confidence="medium" if known else "low",
            )
