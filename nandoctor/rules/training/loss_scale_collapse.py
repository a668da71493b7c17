"""ND404: a loss scale that falls and falls."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from nandoctor.facts import OptimizerFacts, RunFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import number


@dataclass(frozen=True)
class LossScaleCollapse:
    """The loss scale of mixed precision finds no value at which the gradients are finite.

    What it finds:
        A `LossScaleOptimizer` that leaves out update after update, and halves its scale each time, beyond what a
        too large first scale explains (error). Or one that keeps leaving out updates long after its start (warning):
        the same batches come back in each epoch.

    Evidence:
        How many updates were left out of how many, the longest run of these, and the scale at the end.

    Limit and source:
        `in_a_row` 20: Keras' first scale of 2^15 is 1 after 15 updates in a row that were left out (Micikevicius et
        al., Mixed Precision Training, 2018, describe the procedure); below 1 a scale makes gradients smaller
        than they are. A larger first scale is allowed for: the scale must be under `scale` 1 as well, or be 1 while the
        gradients are not finite still. Later, a healthy
        scale tries to double every 2,000 updates and loses at most one each time; `share` 0.01 is twenty times that,
        counted over at least `steps` 200 updates and without the longest run, or `in_a_row` of them.

    Remedy:
        Find what is not finite, for the scale is not at fault: a loss multiplied by a large factor, an op that
        overflows float16 (give its layer `dtype="float32"`), or rows of the data.

    When it is fine:
        The first updates of a training, until the scale fits: not reported.

    Example:
        import keras
        import numpy as np

        def scaled_error(wanted, predicted):
            return 1e9 * keras.ops.mean(keras.ops.square(predicted - wanted))

        keras.utils.set_random_seed(0)
        keras.mixed_precision.set_global_policy("mixed_float16")
        x = np.random.default_rng(0).normal(size=(640, 4)).astype("float32")
        head = keras.layers.Dense(1, dtype="float32")
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="tanh"), head])
        model.compile("adam", scaled_error)
        model.fit(x, x.sum(axis=1, keepdims=True), batch_size=16, verbose=0)
    """

    in_a_row: int = 20
    scale: float = 1.0
    share: float = 0.01
    steps: int = 200

    code: ClassVar[str] = "ND404"
    cause: ClassVar[str] = "loss-scale-collapse"
    title: ClassVar[str] = "Collapsing loss scale"

    def check(self, run: RunFacts) -> Iterator[Finding]:
        """At most one finding for each optimizer with a loss scale."""
        for place, optimizer in enumerate(run.optimizers):
            trip = run.trip if run.trip is not None and run.trip.optimizer == place else None
            tripped = trip is not None and trip.kind == "gradient"
            scale = optimizer.loss_scale
            if scale is None:
                continue
            skipped, in_a_row = _skips(optimizer)
            if scale <= self.scale and (tripped or (in_a_row > self.in_a_row and scale < self.scale)):
                yield self._collapsed(optimizer, scale, skipped, in_a_row)
            elif optimizer.steps >= self.steps:
                share = (skipped - max(self.in_a_row, in_a_row)) / optimizer.steps
                if share > self.share:
                    yield self._lossy(optimizer, skipped, in_a_row, share)

    def _collapsed(self, optimizer: OptimizerFacts, scale: float, skipped: int, in_a_row: int) -> Finding:
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error",
            title=self.title,
            message=(
                f"{skipped:,} of {max(optimizer.steps, skipped):,} updates of {optimizer.name} were left out for "
                f"gradients that are not finite, {in_a_row:,} of them in a row (limit {self.in_a_row}, or until the "
                f"scale is {number(self.scale)}); the scale fell to {number(scale)}: no scale fits these gradients."
            ),
            location=Location(phase="update"),
            evidence=_evidence(optimizer, skipped, in_a_row),
            limits={"in_a_row": self.in_a_row, "scale": self.scale},
            remedies=(
                Remedy("unscale-loss", "Take large constant factors out of the loss"),
                Remedy("float32-layer", 'Give the layer that overflows dtype="float32"'),
            ),
            about=f"optimizer:{optimizer.name}",
        )

    def _lossy(self, optimizer: OptimizerFacts, skipped: int, in_a_row: int, share: float) -> Finding:
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning",
            title=self.title,
            message=(
                f"{skipped:,} of {optimizer.steps:,} updates of {optimizer.name} were left out for gradients "
                f"that are not finite; without those that finding a scale may cost these are {share:.1%} of all "
                f"(limit {self.share:.0%}). Some batches never train the model."
            ),
            location=Location(phase="update"),
            evidence={**_evidence(optimizer, skipped, in_a_row), "share": share},
            limits={"share": self.share, "steps": self.steps},
            remedies=(
                Remedy("look-at-batches", "Look at the batches whose updates are left out: at their data first"),
            ),
            about=f"optimizer:{optimizer.name}",
        )


def _evidence(optimizer: OptimizerFacts, skipped: int, in_a_row: int) -> dict[str, int | float | str]:
    return {
        "skipped": skipped,
        "in_a_row": in_a_row,
        "steps": optimizer.steps,
        "scale": optimizer.loss_scale or 0.0,
    }


def _skips(optimizer: OptimizerFacts) -> tuple[int, int]:
    """How many updates were left out and the longest run of them, as counted or as recorded."""
    norms = optimizer.history.gradient_norm if optimizer.history else ()
    runs = [len(list(group)) for finite, group in groupby(norms, math.isfinite) if not finite]
    return max(optimizer.skipped, sum(runs)), max(optimizer.skipped_in_a_row, *runs, 0)
