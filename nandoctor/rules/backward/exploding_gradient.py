"""ND307: gradients that overflow, or grow from layer to layer until they will."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import GradientFacts, Origin, StepFacts
from nandoctor.facts.arithmetic import CONTRACTIONS, SUMS, largest_number, narrow_overflow
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.rule import explain
from nandoctor.wording import listing, number

GRADIENT_OPS = (
    SUMS
    | CONTRACTIONS
    | {"Mul", "SigmoidGrad", "TanhGrad", "FusedBatchNormGradV3", "Prod", "Cumprod", "SquaredDifference"}
)
REMEDIES = (
    Remedy("clip-gradient", "Clip the gradient by its norm: the optimizer's global_clipnorm=1.0"),
    Remedy("normalize", "Normalize between the layers, or use a smaller initialization"),
)


@dataclass(frozen=True)
class ExplodingGradient:
    """The gradient overflows on its way back, or grows so much that training cannot hold it.

    What it finds:
        An op of the gradient graph that adds or multiplies finite numbers and overflows (error). A finite gradient
        whose square overflows the dtype, so that clipping by norm and Adam's second moment become Inf (warning). A
        gradient that grows from the last kernel to the first by orders of magnitude and is far larger than the
        weights (warning).

    Evidence:
        The largest magnitude of operands or gradient; the ratio of gradient norm to weight norm of the first and last
        kernel (in the order of execution), and the growth between them.

    Limit and source:
        The dtype's largest number, or its square root (1.845e+19 in float32). Depth: `growth` (1e4) between the last
        and the first kernel, and `ratio` (1e3) of gradient to weight at the first. Both are ratios, hence free of
        scale; with a ratio of 1e3 a plain step at a learning rate of 0.001 is as large as the weights. Measured on
        untrained ResNet50, DenseNet121, MobileNetV2 and EfficientNetB0 with batch statistics: growth up to 164, ratio
        up to 654.

    Remedy:
        Clip by the global norm (`global_clipnorm=1.0`), normalize between layers, use a smaller initialization, gates
        or an orthogonal kernel in recurrent layers, and scale targets.

    When it is fine:
        Under a loss scale (mixed_float16) the gradients are large by intention, and Keras skips a step that overflows.

    Example:
        model = keras.Sequential([keras.Input((8,))])
        for _ in range(6):
            model.add(keras.layers.Dense(64, kernel_initializer=keras.initializers.RandomNormal(stddev=30.0, seed=1)))
        x = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
    """

    growth: float = 1e4
    ratio: float = 1e3

    code: ClassVar[str] = "ND307"
    cause: ClassVar[str] = "exploding-gradient"
    title: ClassVar[str] = "Exploding gradient"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each overflow in the gradient graph, and at most one warning for finite gradients."""
        for origin in step.computed_by(GRADIENT_OPS, "backward"):
            named_elsewhere = origin.op_type in ("Prod", "Cumprod") or narrow_overflow(origin)
            if origin.from_finite and not named_elsewhere:
                yield self._overflow(origin)
        huge = [gradient for gradient in step.gradients if self._square_overflows(gradient)]
        if huge:
            yield self._huge(max(huge, key=lambda gradient: gradient.norm), len(huge))
        elif len(step.kernels) > 1:
            yield from self._growth(step.kernels[0], step.kernels[-1])

    def _square_overflows(self, gradient: GradientFacts) -> bool:
        return gradient.stats is not None and gradient.stats.max_abs > math.sqrt(largest_number(gradient.dtype))

    def _overflow(self, origin: Origin) -> Finding:
        limit = largest_number(origin.output_dtype)
        sizes = [f"{number(operand.blamed.max_abs)} in {origin.called(operand)}" for operand in origin.floats]
        return explain(
            self,
            origin,
            f"{origin.deed} overflows {origin.output_dtype} ({number(limit)}) from finite operands, with magnitudes up "
            f"to {listing(sizes, 3)}; {origin.results}.",
            evidence={
                "nonfinite": origin.output.nonfinite,
                "largest_operand": max((operand.blamed.max_abs for operand in origin.floats), default=0.0),
            },
            limits={"largest_number": limit},
            remedies=REMEDIES,
        )

    def _huge(self, gradient: GradientFacts, count: int) -> Finding:
        limit = math.sqrt(largest_number(gradient.dtype))
        largest = gradient.stats.max_abs if gradient.stats else 0.0
        return self._finite(
            gradient,
            f"The gradient of {gradient.variable} reaches {number(largest)}; above {number(limit)} its square "
            f"overflows {gradient.dtype}, and with it the norm used for clipping and Adam's second moment ({count:,} "
            "such in all).",
            {"largest": largest, "variables": count},
            {"largest": limit},
        )

    def _growth(self, first: GradientFacts, last: GradientFacts) -> Iterator[Finding]:
        if first.ratio is None or not last.ratio:
            return
        growth = first.ratio / last.ratio
        if not (growth >= self.growth and first.ratio >= self.ratio and math.isfinite(growth)):
            return
        yield self._finite(
            first,
            f"The gradient grows {number(growth)}-fold from the last kernel to the first (limit "
            f"{number(self.growth)}): its norm is {number(first.ratio)} times the weights' at {first.variable} (limit "
            f"{number(self.ratio)}) and {number(last.ratio)} times at {last.variable}.",
            {"growth": growth, "ratio": first.ratio, "last_ratio": last.ratio},
            {"growth": self.growth, "ratio": self.ratio},
        )

    def _finite(
        self, gradient: GradientFacts, message: str, evidence: dict[str, float], limits: dict[str, float]
    ) -> Finding:
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning",
            title=self.title,
            message=message,
            location=Location(layer=gradient.layer, phase="backward"),
            evidence=evidence,
            limits=limits,
            remedies=REMEDIES,
            about=f"gradient:{gradient.variable}",
        )
