"""ND223: an addition that swallows one of its operands."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import AbsorbedFacts, StepFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.stats import DTYPE_LIMITS
from nandoctor.wording import number, plural


@dataclass(frozen=True)
class DisparateScalesInOp:
    """Two numbers so different were added that the smaller one left no trace.

    What it finds:
        An addition or subtraction in the model, one operand of which is computed from the data and is so small beside
        the other that the result is the other operand: what was computed is lost.

    Evidence:
        At how many of how many places (those where the small operand is not 0, in up to 8 rows of the first batch) the
        sum is the large operand, and the magnitudes of both.

    Limit and source:
        `share` 0.99 of the places. IEEE 754: a + b rounds to a where |b| is below half the distance from a to the next
        number, |a| * 2^-24 in float32, |a| * 2^-11 in float16, |a| * 2^-8 in bfloat16.

    Remedy:
        Bring the operands to one scale before adding them, add small numbers among themselves first, or compute the
        sum in float64 (`keras.ops.cast(x, "float64")`).

    When it is fine:
        An epsilon or a bias that is absorbed is not reported, nor is a mask (-1e9 at the masked places alone). In
        float16 and bfloat16, where a scaled branch such as LayerScale starts out that small, it is a note.

    Example:
        inputs = keras.Input((8,))
        hidden = keras.layers.Dense(8)(inputs)
        model = keras.Model(inputs, keras.layers.Dense(1)(hidden + 1e9))
        x = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
    """

    code: ClassVar[str] = "ND223"
    cause: ClassVar[str] = "disparate-scales-in-op"
    title: ClassVar[str] = "Operand absorbed in an addition"

    share: float = 0.99

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each addition that swallows what the model computed."""
        for absorbed in step.absorbed:
            if absorbed.absorbed >= self.share * absorbed.places:
                yield self._finding(absorbed)

    def _finding(self, absorbed: AbsorbedFacts) -> Finding:
        limits = DTYPE_LIMITS.get(absorbed.dtype)
        half = limits.epsilon / 2 if limits else 0.0
        small = f" from {absorbed.small_from}" if absorbed.small_from else ""
        large = f" from {absorbed.large_from}" if absorbed.large_from else ""
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if absorbed.dtype in ("float32", "float64") else "note",
            title=self.title,
            message=(
                f"{absorbed.op_type} leaves no trace of its smaller operand{small}, up to {number(absorbed.small)}, at "
                f"{absorbed.absorbed:,} of {plural(absorbed.places, 'place')} looked at: beside the other{large}, "
                f"{number(absorbed.large)} or more, {absorbed.dtype} loses what is below 2^{math.log2(half):.0f} of it "
                f"(limit {self.share:.0%} of the places)."
            ),
            location=Location(layer=absorbed.layer, op=absorbed.op, op_type=absorbed.op_type, phase="forward", batch=0),
            evidence={
                "share": absorbed.absorbed / absorbed.places,
                "places": absorbed.places,
                "small": absorbed.small,
                "large": absorbed.large,
            },
            limits={"share": self.share},
            remedies=(
                Remedy("one-scale", "Bring the operands to one scale before they are added"),
                Remedy("float64", "Compute the sum in float64"),
            ),
            about=f"layer:{absorbed.layer or absorbed.op}",
        )
