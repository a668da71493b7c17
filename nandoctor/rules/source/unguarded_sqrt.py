"""ND803: square roots at 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts, SourceOperation
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain_source


@dataclass(frozen=True)
class UnguardedSqrt:
    """A square root whose argument nothing in the source keeps above 0.

    What it finds:
        sqrt, rsqrt and powers of 0.5 and -0.5 in a loss, a layer or a training step, through which a gradient is
        taken and whose argument can be 0 (infinite gradient) or negative (NaN) as far as the function shows.

    Evidence:
        The text of the argument, the range that the source alone guarantees, and, where it is known to be 0
        somewhere, why: the sum of the squares of zeros, a variance as a difference of means.

    Limit and source:
        The gradient of sqrt is 1 / (2 sqrt(x)): infinite at 0, and infinity times 0 is NaN. A warning where the
        argument is known to become 0 for a row, a note for a root over the whole batch, or where nothing excludes it.

    Remedy:
        Add an epsilon inside: `tf.sqrt(x + 1e-12)`; or the double where.

    When it is fine:
        Where no gradient is taken (metrics, optimizers, outside of the tape), behind maximum, an added epsilon or a
        comparison, and of sizes and constants, nothing is reported.

    Example:
        import keras
        import tensorflow as tf

        class Length(keras.layers.Layer):
            def call(self, x):
                return tf.sqrt(tf.reduce_sum(tf.square(x), axis=-1))
    """

    code: ClassVar[str] = "ND803"
    cause: ClassVar[str] = "unguarded-sqrt"
    title: ClassVar[str] = "Square root that nothing keeps away from 0"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each such root that is not a divisor or the argument of a logarithm, which says more."""
        for one in source.operations("sqrt"):
            known = one.operand.why(0.0)
            severity = one.severity(known=known is not None and one.per_row)
            if severity is None or not one.differentiated or one.feeds is not None:
                continue
            yield explain_source(
                self,
                one.place,
                f"{self._harm(one)}, and {f'it can be: {known}' if known else 'nothing in this function excludes it'}.",
                severity=severity,
                phase="backward" if one.operand.low >= 0.0 else "forward",
                evidence={"argument": one.operand.text, "lowest": one.operand.low},
                limits={"lowest": 0.0},
                remedies=(Remedy("add-epsilon", f"Add an epsilon inside: sqrt({one.operand.text} + 1e-12)"),),
                confidence="medium" if known else "low",
            )

    def _harm(self, one: SourceOperation) -> str:
        argument = f"its argument `{one.operand.text}`"
        if one.operand.low < 0.0:
            return f"The square root{one.where()} is NaN where {argument} is negative and has an infinite gradient at 0"
        return f"The gradient of the square root{one.where()} is infinite where {argument} is 0"
