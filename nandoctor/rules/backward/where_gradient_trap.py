"""ND302: the branch that tf.where did not take spoils the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain


@dataclass(frozen=True)
class WhereGradientTrap:
    """A `tf.where` hides a singular value from the result, and not from the gradient.

    What it finds:
        An op flows into a Select element by element, its gradient is infinite at places that the Select left out, and
        there the incoming gradient is 0: 0 * Inf or 0 / 0 is NaN. The classic is
        `tf.where(x > 0, tf.math.log(x), 0.0)`.

    Evidence:
        How many values of the op's gradient are not finite, at which arguments, and which op selects.

    Limit and source:
        One value. IEEE 754: 0 * Inf and 0 / 0 are NaN. TensorFlow's documentation of `tf.where` describes the
        double-where.

    Remedy:
        The double where: make the argument safe first, `safe = tf.where(x > 0, x, 1.0)`, then
        `tf.where(x > 0, tf.math.log(safe), 0.0)`.

    When it is fine:
        When the gradient is not used (contained): it is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        hidden = keras.layers.Dense(2, kernel_initializer="identity")(inputs)
        model = keras.Model(inputs, keras.ops.where(hidden > 0.0, keras.ops.log(hidden), 0.0))
        x = np.array([[1.0, 2.0], [3.0, 0.0]], np.float32)
    """

    code: ClassVar[str] = "ND302"
    cause: ClassVar[str] = "where-gradient-trap"
    title: ClassVar[str] = "Gradient of the branch that where left out"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is the gradient of a branch not taken."""
        for origin in step.origins:
            if origin.kind == "op" and step.branch_not_taken(origin):
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        seen = [origin.measured(operand, origin.ordinal(operand)) for operand in origin.floats[:2]]
        product = "0 / 0" if origin.zero_over_zero else "0 * Inf"
        return explain(
            self,
            origin,
            f"{origin.op_type} flows into the tf.where {origin.selected_by}, which leaves it out where its gradient is "
            f"infinite; there {product} = NaN. {origin.deed}: {', '.join(seen)}; {origin.results}.",
            evidence={"nonfinite": origin.output.nonfinite, "selected_by": origin.selected_by or "unknown"},
            limits={"nonfinite": 0},
            remedies=(
                Remedy(
                    "double-where",
                    "Make the argument safe before the op as well: tf.where(ok, f(tf.where(ok, x, 1.0)), 0.0)",
                ),
            ),
        )
