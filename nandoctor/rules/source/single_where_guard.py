"""ND807: a where that guards the result alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain_source

NAMES = {
    "log": "logarithm",
    "division": "division by the value",
    "sqrt": "square root",
    "norm": "norm",
    "exp": "exponential",
    "pow": "power",
}


@dataclass(frozen=True)
class SingleWhereGuard:
    """A `where` that leaves out a harmful result, but not its gradient.

    What it finds:
        `tf.where(condition, f(x), other)` where f is a logarithm, quotient, square root, norm, power or exponential
        that is singular for some x, the condition is about x, and x itself is not replaced inside: in a loss, a layer
        or a training step.

    Evidence:
        The operation, its operand, and the line of the `where`.

    Limit and source:
        The gradient of `where` is 0 for the branch that was not taken, and 0 times the infinite derivative of f is
        NaN. TensorFlow's documentation of `tf.where` describes the double where. That it happens at the very value
        that the condition is there for makes it a warning.

    Remedy:
        The double where: replace x inside, too: `tf.where(ok, tf.math.log(tf.where(ok, x, 1.0)), 0.0)`.

    When it is fine:
        Where no gradient is taken, nothing is reported; nor where the operand is guarded inside.

    Example:
        import keras
        import tensorflow as tf

        class LogRate(keras.layers.Layer):
            def call(self, x):
                return tf.where(x > 0, tf.math.log(x), 0.0)
    """

    code: ClassVar[str] = "ND807"
    cause: ClassVar[str] = "single-where-guard"
    title: ClassVar[str] = "Single where around a singular operation"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each operation whose result alone is guarded."""
        for file in source.files:
            for one in file.operations:
                if one.chosen is None or not one.differentiated or not one.of_training:
                    continue
                what = NAMES[one.kind]
                yield explain_source(
                    self,
                    one.place,
                    f"The `where` in line {one.chosen.line} leaves out what the {what} of `{one.operand.text}`"
                    f"{one.where()} gives where it is not finite, but not its gradient: 0 times infinity is NaN.",
                    severity="warning",
                    phase="backward",
                    evidence={"operand": one.operand.text, "where_line": one.chosen.line},
                    remedies=(
                        Remedy(
                            "double-where",
                            f"Replace the operand inside, too: {one.kind}(where(condition, {one.operand.text}, 1.0))",
                        ),
                    ),
                    confidence="medium",
                )
