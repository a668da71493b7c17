"""ND408: training is finite, evaluation is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import EvaluationFacts, RunFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import listing

CALLED = {"evaluate": "evaluate", "predict": "predict", "validation": "The validation"}


@dataclass(frozen=True)
class ValOnlyNonfinite:
    """Training stays finite while validation, evaluate or predict gives NaN or Inf.

    What it finds:
        A validation within fit, or a call of evaluate or predict, with results that are not finite, in a run whose own
        steps were finite until then.

    Evidence:
        Which results, how many values of how many, and in which epoch.

    Limit and source:
        `values` 0 that are not finite.

    Remedy:
        Look at the rows that training never had: their range is wider, or they hold NaN. Then at what behaves
        otherwise in inference: the moving variance of a batch normalization, a mask, a metric that divides by a count.

    When it is fine:
        A metric may have nothing to count in a small set (a recall without a positive row): where only metrics are not
        finite this is a warning.

    Example:
        import keras
        import numpy as np

        class Log(keras.layers.Layer):
            def call(self, x):
                return keras.ops.log(x)

        keras.utils.set_random_seed(0)
        x = np.random.default_rng(0).uniform(0.5, 2.0, size=(64, 3)).astype("float32")
        unseen = x[:16].copy()
        unseen[5, 1] = 0.0
        model = keras.Sequential([keras.Input((3,)), Log(), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(x, x[:, :1], validation_data=(unseen, unseen[:, :1]), batch_size=16, verbose=0)
    """

    values: int = 0

    code: ClassVar[str] = "ND408"
    cause: ClassVar[str] = "val-only-nonfinite"
    title: ClassVar[str] = "Evaluation that turns non-finite while training is finite"

    def check(self, run: RunFacts) -> Iterator[Finding]:
        """One error for each way of evaluating that gave non-finite values, unless training itself had tripped."""
        if run.trip is not None and run.trip.kind != "evaluation":
            return
        first: dict[str, EvaluationFacts] = {}
        counts: dict[str, int] = {}
        for one in run.evaluations:
            if one.nonfinite > self.values:
                first.setdefault(one.way, one)
                counts[one.way] = counts.get(one.way, 0) + 1
        for way, one in first.items():
            kept = run.trip is not None and run.trip.way == way
            yield self._explain(one, counts[way], run, run.trip.batch if run.trip is not None and kept else None)

    def _explain(self, one: EvaluationFacts, times: int, run: RunFacts, batch: int | None) -> Finding:
        when = "" if one.epoch is None else f" after epoch {one.epoch}"
        again = f" and {times - 1:,} times more" if times > 1 else ""
        first = "" if batch is None else f"; batch {batch:,} was the first of them"
        trained = f"while the loss and the gradients of all {run.steps:,} steps of training were finite"
        if not run.steps:
            trained = "with weights that this run has not trained"
        results = f" ({listing(one.bad, 4)})" if one.bad else ""
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if _metrics_alone(one) else "error",
            title=self.title,
            message=(
                f"{CALLED[one.way]}{when}{again} gave {one.nonfinite:,} of {one.values:,} values that are not finite "
                f"(limit {self.values}){results}{first}, {trained}."
            ),
            location=Location(phase="forward", epoch=one.epoch, batch=batch),
            evidence={"values": one.nonfinite, "of": one.values, "times": times},
            limits={"values": self.values},
            remedies=(
                Remedy("check-unseen-rows", "Compare the rows that are evaluated with those trained on: NaN, range"),
                Remedy("check-inference", "Look at what differs in inference: batch normalization, masks, metrics"),
            ),
            about=f"evaluation:{one.way}",
        )


def _metrics_alone(one: EvaluationFacts) -> bool:
    """Whether only metrics are not finite; evaluate gives the loss first in a list, or alone."""
    return (
        bool(one.bad)
        and one.way != "predict"
        and not any("loss" in name or name in ("[0]", "result") for name in one.bad)
    )
