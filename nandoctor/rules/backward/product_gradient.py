"""ND305: the gradient of a product along an axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.facts.arithmetic import largest_number
from nandoctor.facts.guards import without_rows
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import listing, number, plural


@dataclass(frozen=True)
class ProductGradient:
    """The gradient of a product along an axis (Prod, Cumprod) is not finite.

    What it finds:
        The forward product is finite (a zero factor, or large and small ones that cancel), and its gradient, the
        product of all the other factors, is not.

    Evidence:
        How many gradients are not finite, and zeros and largest magnitude of each operand.

    Limit and source:
        The dtype's largest number: 3.403e+38 for float32 (IEEE 754). TensorFlow multiplies the factors before and
        after each one, so that a zero factor alone is harmless to Prod. (The gradient of Cumprod divides and takes
        x/0 for 0: it is finite at a zero factor, and wrong.)

    Remedy:
        Add logarithms instead of multiplying: `tf.exp(tf.reduce_sum(tf.math.log(x)))` for positive factors, or scale
        the factors towards 1. Rows that are faulty are better left out.

    When it is fine:
        When the gradient is not used (contained): it is then reported as a note.

    Example:
        inputs = keras.Input((3,))
        factors = keras.layers.Dense(3, kernel_initializer="identity")(inputs)
        model = keras.Model(inputs, keras.ops.prod(factors, axis=-1) + 1.0)
        x = np.array([[1.0, 2.0, 3.0], [0.0, 1e30, 1e30]], np.float32)
    """

    code: ClassVar[str] = "ND305"
    cause: ClassVar[str] = "product-gradient"
    title: ClassVar[str] = "Gradient of a product along an axis"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin in the gradient of a product, from finite operands."""
        for origin in step.origins:
            in_gradient = origin.phase == "backward" and origin.op_type in ("Prod", "Cumprod")
            if in_gradient and origin.from_finite and not step.branch_not_taken(origin):
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        operands = origin.floats
        held = [
            f"{plural(operand.stats.zeros, 'zero')} and magnitudes up to {number(operand.stats.max_abs)} in "
            f"{origin.called(operand)}"
            for operand in operands
        ]
        limit = largest_number(origin.output_dtype)
        return explain(
            self,
            origin,
            f"{origin.deed}: the product of the other factors is beyond {origin.output_dtype} ({number(limit)}) while "
            f"the product of all is finite: {listing(held, 3)}; {origin.results}.",
            evidence={
                "nonfinite": origin.output.nonfinite,
                "zeros": sum(operand.stats.zeros for operand in operands),
                "largest_operand": max((operand.stats.max_abs for operand in operands), default=0.0),
            },
            limits={"largest_number": limit},
            remedies=(
                Remedy("sum-of-logarithms", "Add logarithms instead of multiplying: tf.reduce_sum(tf.math.log(x))"),
                Remedy("scale-factors", "Scale the factors towards 1"),
                *without_rows(origin),
            ),
        )
