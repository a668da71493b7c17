"""ND209: a softmax over a row that is entirely masked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Origin, StepFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain
from nandoctor.wording import plural


@dataclass(frozen=True)
class SoftmaxOfAllMinusInf:
    """A softmax was taken over a row of nothing but -Inf.

    What it finds:
        The op at the origin is Softmax or LogSoftmax, -Inf came in (no Inf, no NaN), and whole rows went out as NaN:
        every place of the row is masked, so that softmax divides 0 by 0.

    Evidence:
        How many rows of how many are NaN, and how many values are -Inf.

    Limit and source:
        One row. softmax(x) = exp(x - max x) / sum exp(x - max x), and -Inf - (-Inf) is NaN (IEEE 754).

    Remedy:
        Mask with a large finite number (-1e9, which gives a uniform row), let each row see at least one place, or set
        the result of fully masked rows to 0 with `tf.where` on the mask, before the softmax and after it.

    When it is fine:
        When the row is padding and its NaN is cut off with no gradient. It is then reported as a note.

    Example:
        class Attention(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32)])
            def __call__(self, x):
                return tf.nn.softmax(tf.where(x > 0.0, x, float("-inf")))

        model = Attention()
        x = np.array([[1.0, 2.0, -1.0], [-1.0, -2.0, -3.0]], np.float32)
    """

    code: ClassVar[str] = "ND209"
    cause: ClassVar[str] = "softmax-of-all-minus-inf"
    title: ClassVar[str] = "Softmax of a fully masked row"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each origin that is a softmax with a row of nothing but -Inf."""
        for origin in step.computed_by(("Softmax", "LogSoftmax")):
            argument = origin.operands[0].stats
            masked_only = argument.negative_inf > 0 and not argument.positive_inf and not argument.nan
            if origin.output.nan and masked_only:
                yield self._explain(origin)

    def _explain(self, origin: Origin) -> Finding:
        width = origin.output_shape[-1] if origin.output_shape else 1
        rows, masked = origin.output.count // max(width, 1), origin.output.nan // max(width, 1)
        minus_inf = origin.operands[0].stats.negative_inf
        return explain(
            self,
            origin,
            f"{origin.deed} over rows of {plural(width, 'value')}: {masked:,} of {plural(rows, 'row')} "
            f"{'is' if masked == 1 else 'are'} -Inf throughout and {'becomes' if masked == 1 else 'become'} NaN "
            f"({minus_inf:,} of {plural(origin.operands[0].stats.count, 'value')} of the argument are -Inf).",
            evidence={"masked_rows": masked, "rows": rows, "minus_inf": minus_inf},
            limits={"masked_rows": 0},
            remedies=(
                Remedy("finite-mask", "Mask with a large finite number such as -1e9 instead of -Inf"),
                Remedy("keep-one", "Leave at least one place of each row unmasked"),
            ),
        )
