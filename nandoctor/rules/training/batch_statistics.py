"""ND406: batch normalization over a single value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from nandoctor.facts import RunFacts, StepFacts, WeightFacts
from nandoctor.finding import Finding, Location, Remedy, Severity


@dataclass(frozen=True)
class BatchStatistics:
    """A batch normalization was trained on a batch of one value a channel.

    What it finds:
        A `BatchNormalization` layer in training whose batch gave each of its channels one value only: a batch of one
        row, or a last batch of which one row was left. The value equals its own mean, so the output is the layer's
        bias whatever comes in, nothing below it gets a gradient, and the variance that is averaged for inference is 0.

    Evidence:
        The fewest values that a channel had in one batch, in all steps or in those that were looked at op by op, and
        the share of the steps that had so few.

    Limit and source:
        `values` 1: the variance of one value is 0 (Ioffe and Szegedy, Batch Normalization, 2015, take statistics over
        the batch and, in images, over the places). `share` 0.5: where most steps are so, or the first one is, training
        cannot work and this is a warning, otherwise a note.

    Remedy:
        Larger batches, `drop_remainder=True` for a last batch, or a normalization that does not look at the batch
        (`LayerNormalization`, `GroupNormalization`).

    When it is fine:
        One image a batch has many places for its statistics; it is not reported. A last batch of one row costs one
        step in an epoch.

    Example:
        import keras
        import numpy as np

        keras.utils.set_random_seed(0)
        x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
        norm = keras.layers.BatchNormalization()
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), norm, keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(x, x.sum(axis=1, keepdims=True), batch_size=1, verbose=0)
    """

    values: int = 1
    share: float = 0.5

    code: ClassVar[str] = "ND406"
    cause: ClassVar[str] = "batch-statistics"
    title: ClassVar[str] = "Batch statistics of a single value"

    def check(
        self, run: RunFacts, step: StepFacts | None = None, weights: WeightFacts | None = None
    ) -> Iterator[Finding]:
        """At most one finding; a note where only the rows are known, or few steps had so few."""
        share, layer = run.batch_norm_share, None
        fewest = run.batch_norm_values
        if fewest is None and step is not None and weights is not None:
            fewest, layer = min(_looked_at(step, weights, run), default=(None, None))
        if fewest is not None and fewest <= self.values:
            # The first batch is not what was left over at the end of an epoch.
            often = 0 in run.check_ups if share is None else share >= self.share
            yield self._explain(fewest, "value a channel", "warning" if often else "note", layer, share)
        elif fewest is None and run.batch_norm_rows is not None and run.batch_norm_rows <= self.values:
            yield self._explain(run.batch_norm_rows, "row", "note", None, share)

    def _explain(
        self,
        fewest: int,
        what: Literal["row", "value a channel"],
        severity: Severity,
        layer: str | None,
        share: float | None,
    ) -> Finding:
        told = "" if share is None else f" in {share:.0%} of the steps (limit {self.share:.0%})"
        beyond = " What places it has besides rows is not known." if what == "row" else ""
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity=severity,
            title=self.title,
            message=(
                f"{f'The batch normalization {layer}' if layer else 'A batch normalization'} took its statistics over "
                f"{fewest} {what} (limit: more than {self.values}){told}: the variance of one value is 0, the "
                f"layer then gives its bias and passes no gradient on.{beyond}"
            ),
            confidence="medium" if what == "row" else "high",
            location=Location(phase="forward", layer=layer),
            evidence={"values": fewest} | ({} if share is None else {"share": share}),
            limits={"values": self.values, "share": self.share},
            remedies=(
                Remedy("drop-remainder", "Leave out a last batch that is too small: drop_remainder=True"),
                Remedy("larger-batch", "Train on larger batches, or normalize with LayerNormalization"),
            ),
            about=f"layer:{layer}" if layer else "batch-normalization",
        )


def _looked_at(step: StepFacts, weights: WeightFacts, run: RunFacts) -> Iterator[tuple[int, str]]:
    """The values of each channel of each batch normalization in the step that was looked at, and its layer."""
    told = {one.layer for one in weights.variables if one.role == "moving-variance"}
    normalizations = told.union(run.batch_normalizations)
    for layer in step.layers:
        if layer.layer in normalizations and layer.units and not layer.inference and step.batches:
            yield layer.activation.count // layer.units // step.batches, layer.layer
