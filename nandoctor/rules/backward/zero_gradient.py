"""ND309: kernels whose gradient is exactly zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import GradientFacts, LayerFacts, StepFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import listing, plural

PINNED = 0.99


@dataclass(frozen=True)
class ZeroGradient:
    """The gradient of a kernel is exactly 0 in every element.

    What it finds:
        Kernels whose gradient is exactly 0 everywhere in all examined batches, so that these batches cannot train
        them. Where the loss itself is exactly 0, that is said instead, as a note: rounding, or a perfect fit.

    Evidence:
        How many kernels of how many, over how many rows, and the reason where a layer shows it: all its units are
        dead, or its activation is pinned to its ends.

    Limit and source:
        `kernels` (0): one kernel, all elements, exact zeros. Biases are left out (in front of a batch normalization
        their gradient is 0 by construction), and so are embeddings and recurrent kernels (0 in a sequence of one
        step).

    Remedy:
        Follow the reason: revive the dead layer, unpin the saturated one, replace ops that have no slope (round,
        sign, a comparison), or drop the part of the model that the loss does not see.

    When it is fine:
        A branch of the model that the examined rows do not use (masked rows, absent classes). A model whose last kernel
        starts at 0: that kernel has a gradient, and after its first update so have those before it. This is a note.

    Example:
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(8, activation="relu", bias_initializer=keras.initializers.Constant(-100.0)),
                keras.layers.Dense(1, bias_initializer="ones"),
            ]
        )
        x = np.random.default_rng(0).uniform(0.0, 1.0, (32, 4)).astype(np.float32)
    """

    kernels: int = 0

    code: ClassVar[str] = "ND309"
    cause: ClassVar[str] = "zero-gradient"
    title: ClassVar[str] = "Gradient of exactly zero"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """At most one finding: a warning on the kernels without slope, or a note on a loss of exactly 0."""
        still = [gradient for gradient in step.kernels if gradient.vanished]
        if len(still) <= self.kernels:
            return
        if step.losses and not any(step.losses):
            yield self._loss_is_zero(step)
        else:
            yield self._explain(still, step)

    def _explain(self, still: list[GradientFacts], step: StepFacts) -> Finding:
        opening = _opening(still, step.kernels)
        reason = self._reason(still, step.layers)
        if opening is not None:
            reason = (
                f" The kernel behind them, {opening.variable}, is all 0 and has a gradient: its first update ends it."
            )
        names = listing([gradient.variable for gradient in still], 4)
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if opening is None else "note",
            title=self.title,
            message=(
                f"The gradient of {len(still):,} of {plural(len(step.kernels), 'kernel')} is exactly 0 over "
                f"{plural(step.rows, 'row')} in {plural(step.batches, 'batch')}: {names}.{reason}"
            ),
            location=Location(layer=still[0].layer, phase="backward"),
            evidence={"kernels": len(still), "all_kernels": len(step.kernels), "rows": step.rows},
            limits={"kernels": self.kernels},
            remedies=(Remedy("restore-slope", "Revive dead or saturated layers, and replace ops that have no slope"),),
            about=f"gradient:{still[0].variable}",
        )

    def _loss_is_zero(self, step: StepFacts) -> Finding:
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note",
            title=self.title,
            message=(
                "The loss is exactly 0 in "
                f"{'the only batch' if step.batches == 1 else f'all {step.batches:,} batches'}, by rounding or because "
                "the model fits exactly, and gives no gradient."
            ),
            location=Location(phase="backward"),
            evidence={"kernels": len(step.kernels), "loss": 0.0},
            limits={"kernels": self.kernels},
            about="loss:0",
        )

    def _reason(self, still: list[GradientFacts], layers: tuple[LayerFacts, ...]) -> str:
        for layer in layers:
            if layer.units and layer.dead_units == layer.units:
                return f" All {plural(layer.units, 'unit')} of {layer.layer} are 0 for every row."
        owners = {gradient.layer for gradient in still}
        for layer in layers:
            pinned = (layer.low_share or 0.0) + (layer.high_share or 0.0)
            if layer.layer in owners and pinned >= PINNED:
                return f" {pinned:.1%} of the outputs of {layer.layer} ({layer.op_type}) are pinned to its ends."
        return ""


def _opening(still: Sequence[GradientFacts], kernels: Sequence[GradientFacts]) -> GradientFacts | None:
    """A kernel of zeros behind all kernels without gradient that has one itself, None if there is none."""
    behind = kernels[kernels.index(still[-1]) + 1 :]
    return next((one for one in behind if one.weight_norm == 0.0 and not one.vanished), None)
