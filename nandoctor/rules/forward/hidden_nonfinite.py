"""ND219: a NaN that the model computes and does not show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from nandoctor.facts import Disagreement, HiddenFacts, Origin, RunFacts, StepFacts, SubjectFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import listing, plural

SWALLOWS = frozenset(
    {"MaxPool", "MaxPoolV2", "MaxPool3D", "MaxPoolWithArgmax", "ArgMax", "ArgMin", "Max", "Maximum", "Relu", "Relu6"}
)
KERNELS = "fused kernels (on CPU, oneDNN's MatMul or Conv2D + bias + Relu) turn NaN into 0"
REMEDIES = (
    Remedy(
        "look-at-inputs", "Cure what made the NaN, and check inputs and weights: do not wait for the loss to show it"
    ),
    Remedy("unfused", "Run with TF_ENABLE_ONEDNN_OPTS=0 or eagerly, which shows the NaN"),
)
KINDS = {"output": "head", "loss": "loss", "gradient": "gradient"}


@dataclass(frozen=True)
class HiddenNonfinite:
    """The model computes a NaN, and its compiled form or one of its ops hides it.

    What it finds:
        An output, a loss or a gradient that is not finite when each op is run by itself, and finite when TensorFlow
        runs the compiled step; or a max pooling, an argmax or a ReLU that took a NaN and gave numbers.

    Evidence:
        Non-finite elements in the op-by-op run and in the compiled one, for each output, loss and gradient that
        differ; in how many batches the compiled loss is finite; the ops that swallowed a NaN, the op or input that it
        came from, and the first layer that gave it.

    Limit and source:
        One element (`hidden`). Measured on TensorFlow 2.21: with the default oneDNN on CPU, fused MatMul or Conv2D +
        bias + Relu, Conv2D + BatchNorm + Relu and BatchNorm + Relu turn NaN into 0, and MaxPool and argmax pass over
        it. Eager execution, XLA and TF_ENABLE_ONEDNN_OPTS=0 show it.

    Remedy:
        Cure the NaN itself, which is the origin named here. Do not rely on the loss or `TerminateOnNaN`: the loss may
        stay finite (the message says whether it did) while the gradients spoil the weights.

    When it is fine:
        A -Inf mask that a maximum or a softmax takes away is meant, and not reported.

    Example:
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
        )
        x = np.ones((8, 4), np.float32)
        x[3, 2] = np.nan
    """

    hidden: int = 0

    code: ClassVar[str] = "ND219"
    cause: ClassVar[str] = "hidden-nonfinite"
    title: ClassVar[str] = "A non-finite value that the model hides"

    def check(
        self,
        hidden: HiddenFacts,
        step: StepFacts | None = None,
        subject: SubjectFacts | None = None,
        run: RunFacts | None = None,
    ) -> Iterator[Finding]:
        """One finding for what the compiled step hides, and one for each op that swallowed a NaN.

        Nothing was hidden in a run whose loss showed it.
        """
        differing = [
            difference
            for difference in hidden.disagreements
            if difference.interpreted_nonfinite - difference.compiled_nonfinite > self.hidden
        ]
        visible = [difference for difference in differing if difference.kind != "gradient"]
        shown = run is not None and run.trip is not None and run.trip.kind == "loss"
        if differing and not shown:
            yield self._compiled(visible or differing, step, _about_loss(hidden, step, subject))
        for op, op_type, layer in hidden.absorbers:
            origins = step.origins if step else ()
            sources = [origin for origin in origins if origin.output.nan and op_type in origin.absorbed_by]
            if op_type in SWALLOWS and sources:
                yield self._absorbed(op, op_type, layer, sources[0])

    def _compiled(self, differing: list[Disagreement], step: StepFacts | None, loss: str) -> Finding:
        first = differing[0]
        source = _source(first, step)
        layer = _first_layer(step) if source is None or source.layer is None else source.layer
        names = list(dict.fromkeys(_named(difference) for difference in differing))
        came_from = f" It comes from {_described(source)}." if source else ""
        found_in = source.location() if source else Location(phase="forward", batch=first.batch)
        verb = "is" if first.interpreted_nonfinite == 1 else "are"
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if first.kind == "gradient" else "error",
            title=self.title,
            message=(
                f"{first.interpreted_nonfinite:,} of {plural(first.elements, 'element')} of {_named(first)} {verb} not "
                f"finite in batch {first.batch} when each op runs by itself, {first.compiled_nonfinite:,} when "
                f"TensorFlow runs the compiled step (the two differ in {listing(names, 4)}): "
                f"{KERNELS}.{loss}{came_from}"
            ),
            location=replace(found_in, layer=layer),
            evidence={
                "hidden": first.interpreted_nonfinite - first.compiled_nonfinite,
                "op_by_op": first.interpreted_nonfinite,
                "compiled": first.compiled_nonfinite,
                "elements": first.elements,
                "differing": len(names),
            },
            limits={"hidden": self.hidden},
            remedies=REMEDIES,
            about=f"{KINDS[first.kind]}:{first.what}",
        )

    def _absorbed(self, op: str, op_type: str, layer: str | None, source: Origin) -> Finding:
        seen = (
            "They reach neither the outputs nor the loss nor a gradient, and nothing shows them"
            if source.contained
            else f"They are seen all the same where another way leads them ({listing(source.reaches)})"
        )
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning",
            title=self.title,
            message=(
                f"{op_type} {op} took NaN and gave only finite numbers, which hides {_described(source)} "
                f"({plural(source.output.nan, 'NaN value')}) from what follows. {seen}."
            ),
            location=Location(
                layer=layer,
                op=op,
                op_type=op_type,
                phase="forward",
                batch=source.batch,
                rows=source.rows,
                dataset_rows=source.dataset_rows,
            ),
            evidence={"hidden": source.output.nan, "nan_from": source.op},
            limits={"hidden": self.hidden},
            remedies=REMEDIES,
            about=f"layer:{layer or op}",
        )


def _named(difference: Disagreement) -> str:
    """`the loss`, `output head`, `the gradient of dense/kernel`."""
    if difference.kind == "loss":
        return "the loss"
    return f"output {difference.what}" if difference.kind == "output" else f"the gradient of {difference.what}"


def _described(source: Origin) -> str:
    if source.kind in ("input", "variable"):
        return f"the {source.kind} {source.op}"
    return f"{source.op_type} {source.op}"


def _source(difference: Disagreement, step: StepFacts | None) -> Origin | None:
    """The first NaN that arrived there; the first NaN of all where none is known to have."""
    found = [origin for origin in step.origins if origin.output.nan] if step else []
    arrived = [origin for origin in found if difference.kind in origin.reaches]
    return next(iter(arrived or found), None)


def _first_layer(step: StepFacts | None) -> str | None:
    """The first layer whose output is not finite when each op runs by itself."""
    return next((layer.layer for layer in step.layers if layer.activation.nonfinite), None) if step else None


def _about_loss(hidden: HiddenFacts, step: StepFacts | None, subject: SubjectFacts | None) -> str:
    """Whether TensorFlow's own loss shows the fault; empty where there is no loss of the user's."""
    stands_in = subject is not None and any(loss.chosen == "outputs" for loss in subject.losses)
    if step is None or not step.losses or stands_in:
        return ""
    changes = [
        (difference.compiled_nonfinite > 0) - (difference.interpreted_nonfinite > 0)
        for difference in hidden.disagreements
        if difference.kind == "loss"
    ]
    bad = sum(not math.isfinite(loss) for loss in step.losses) + sum(changes)
    batches = "the only batch" if len(step.losses) == 1 else f"all {len(step.losses):,} batches"
    if bad <= 0:
        return f" The compiled loss is finite in {batches}: neither it nor TerminateOnNaN shows the fault."
    return f" The compiled loss does show a fault: it is not finite in {bad:,} of {len(step.losses):,} batches."
