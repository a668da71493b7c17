"""ND301: the gradient of a square root at zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, SourceLine, StepFacts
from nandoctor.facts.written_call import UNKNOWN, written_call
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import number


@dataclass(frozen=True)
class SqrtGradientAtZero:
    """The gradient of a square root (norm, distance, standard deviation) was taken at 0.

    What it finds:
        The forward pass is finite, and the gradient of Sqrt (1 / (2 sqrt x)) or Rsqrt (-1/2 x^-1.5) is Inf or NaN,
        since the root is 0 or too close to it.

    Evidence:
        How many roots are at fault, the smallest and largest of them, and how many gradients are not finite.

    Limit and source:
        One value. d sqrt(x) / dx is infinite at 0. TensorFlow's SqrtGrad gives 0 where the incoming gradient is
        exactly 0, so this appears only where the loss pulls on that root.

    Remedy:
        Put an epsilon under the root, `tf.sqrt(x + 1e-12)`, or avoid it: compare squared distances, clamp before the
        root with `tf.maximum(x, 1e-12)`. For a norm: `tf.sqrt(tf.reduce_sum(x * x) + 1e-12)`.

    When it is fine:
        When the gradient is not used (contained): it is then reported as a note.

    Example:
        inputs = keras.Input((2,))
        distance = keras.ops.sqrt(keras.ops.sum(keras.ops.square(keras.layers.Dense(2)(inputs)), axis=-1))
        model = keras.Model(inputs, keras.ops.exp(distance))
        x = np.array([[1.0, 2.0], [0.0, 0.0]], np.float32)
    """

    code: ClassVar[str] = "ND301"
    cause: ClassVar[str] = "sqrt-gradient-at-zero"
    title: ClassVar[str] = "Gradient of a square root at zero"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is the gradient of a square root with finite operands."""
        for origin in step.computed_by(("SqrtGrad", "RsqrtGrad"), "backward"):
            if origin.from_finite and origin.operands:
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        result = origin.operands[0]
        blamed = result.blamed
        low, high = blamed.minimum or 0.0, blamed.maximum or 0.0
        where = "exactly 0" if result.vanishes else f"{number(low)}..{number(high)}"
        return explain(
            self,
            origin,
            f"{origin.deed} divides by the root, and {origin.op_type} gave {where}: "
            f"{origin.measured(result, 'root')}. The forward pass is finite; of the gradient {origin.results}.",
            evidence={
                "roots": blamed.count,
                "smallest_root": low,
                "largest_root": high,
                "nonfinite": origin.output.nonfinite,
            },
            limits={"nonfinite": 0},
            remedies=(
                Remedy("epsilon-under-root", f"Put an epsilon under the root: {_with_epsilon(origin.source)}"),
                Remedy("squared", "Compare squared values and leave the root out"),
            ),
        )


def _with_epsilon(source: SourceLine | None) -> str:
    """The root with an epsilon, in the user's own words where the line holds one root or one norm."""
    root, norm = written_call(source, {"sqrt", "rsqrt"}), written_call(source, {"norm"})
    if root is not None:
        return f"{root.function}({root.argument} + 1e-12)"
    if norm is not None:
        return f"tf.sqrt(tf.reduce_sum(tf.square({norm.argument}), ...) + 1e-12) in place of {norm.function}"
    return f"tf.sqrt({UNKNOWN} + 1e-12)"
