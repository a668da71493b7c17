"""ND221: a NaN or an infinity written in the model itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import listing, plural


@dataclass(frozen=True)
class NonfiniteConstant:
    """A constant of the model is not finite and reaches a result.

    What it finds:
        A constant in the graph that holds NaN or Inf, whose values arrive in the outputs, the loss or the gradients.

    Evidence:
        How many of its values are NaN, Inf and -Inf, and where they arrive.

    Limit and source:
        One value. A -Inf is taken for a mask as long as it does not reach the loss or the gradients by itself: what
        becomes of it in another op (a fully masked softmax) is reported there.

    Remedy:
        Replace it: the constant was computed once when the model was built (a logarithm of 0, a division by 0, a
        statistic of data with NaN, such as the mean of a Normalization layer).

    When it is fine:
        A mask of -Inf that a softmax or maximum takes away again: it is not reported.

    Example:
        class Normalized(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])
            def __call__(self, x):
                return x - tf.constant([0.5, float("nan")])

        model = Normalized()
        x = np.ones((4, 2), np.float32)
    """

    code: ClassVar[str] = "ND221"
    cause: ClassVar[str] = "nonfinite-constant"
    title: ClassVar[str] = "Non-finite constant in the model"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each non-finite constant that reaches a result other than as a mask."""
        for origin in step.origins:
            if origin.kind == "constant" and not origin.contained and not self._masks(origin, step):
                yield self._explain(origin)

    def _masks(self, origin: Origin, step: StepFacts) -> bool:
        only_minus = not origin.output.nan and not origin.output.positive_inf
        return only_minus and (bool(step.consequences(origin)) or set(origin.reaches) <= {"output"})

    def _explain(self, origin: Origin) -> Finding:
        output = origin.output
        return explain(
            self,
            origin,
            f"A constant of the model holds {output.nan:,} NaN, {output.positive_inf:,} Inf and "
            f"{output.negative_inf:,} -Inf in {plural(output.count, 'value')}, and they reach the "
            f"{listing(origin.reaches)}.",
            evidence={
                "nonfinite": output.nonfinite,
                "nan": output.nan,
                "inf": output.positive_inf + output.negative_inf,
                "values": output.count,
            },
            limits={"nonfinite": 0},
            remedies=(Remedy("replace-constant", "Replace the constant, and check what it was computed from"),),
        )
