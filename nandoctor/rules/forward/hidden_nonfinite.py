"""ND219: a NaN that the model computes and does not show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Disagreement, HiddenFacts, Origin, StepFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import listing, plural

SWALLOWS = frozenset(
    {"MaxPool", "MaxPoolV2", "MaxPool3D", "MaxPoolWithArgmax", "ArgMax", "ArgMin", "Max", "Maximum", "Relu", "Relu6"}
)
KERNELS = "fused kernels (on CPU, oneDNN's MatMul or Conv2D + bias + Relu) turn NaN into 0"
REMEDIES = (
    Remedy("look-at-inputs", "Check inputs and weights for NaN, since the loss will not show it"),
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
        differ; the ops that swallowed a NaN, and the op or input that it came from.

    Limit and source:
        One element (`hidden`). Measured on TensorFlow 2.21: with the default oneDNN on CPU, fused MatMul or Conv2D +
        bias + Relu, Conv2D + BatchNorm + Relu and BatchNorm + Relu turn NaN into 0, and MaxPool and argmax pass over
        it. Eager execution, XLA and TF_ENABLE_ONEDNN_OPTS=0 show it.

    Remedy:
        Cure the NaN itself, which is the origin named here. Do not rely on the loss or `TerminateOnNaN`: the loss
        stays finite while the gradients spoil the weights.

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

    def check(self, hidden: HiddenFacts, step: StepFacts | None = None) -> Iterator[Finding]:
        """One finding for what the compiled step hides, and one for each op that swallowed a NaN."""
        origins = step.origins if step else ()
        differing = [
            difference
            for difference in hidden.disagreements
            if difference.interpreted_nonfinite - difference.compiled_nonfinite > self.hidden
        ]
        visible = [difference for difference in differing if difference.kind != "gradient"]
        if differing:
            yield self._compiled(visible or differing, self._first_nan(origins))
        for op, op_type, layer in hidden.absorbers:
            sources = [origin for origin in origins if origin.output.nan and op_type in origin.absorbed_by]
            if op_type in SWALLOWS and sources:
                yield self._absorbed(op, op_type, layer, sources[0])

    def _first_nan(self, origins: tuple[Origin, ...]) -> Origin | None:
        return next((origin for origin in origins if not origin.parents and origin.output.nan), None)

    def _compiled(self, differing: list[Disagreement], source: Origin | None) -> Finding:
        first = differing[0]
        names = list(dict.fromkeys(f"{difference.kind} {difference.what}" for difference in differing))
        came_from = f" It comes from {source.op_type} {source.op}." if source else ""
        found_in = source.location() if source else Location(phase="forward", batch=first.batch)
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if first.kind == "gradient" else "error",
            title=self.title,
            message=(
                f"{first.interpreted_nonfinite:,} of {plural(first.elements, 'element')} of {first.kind} {first.what} "
                f"are not finite when each op runs by itself, {first.compiled_nonfinite:,} when TensorFlow runs the "
                f"compiled step (differing: {listing(names, 4)}): {KERNELS}. The loss and TerminateOnNaN will not show "
                f"it.{came_from}"
            ),
            location=found_in,
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
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning",
            title=self.title,
            message=(
                f"{op_type} {op} took NaN and gave only finite numbers: the {plural(source.output.nan, 'NaN value')} "
                f"of {source.op_type} {source.op} cannot be seen after it, neither in the outputs nor in the loss."
            ),
            location=Location(
                layer=layer, op=op, op_type=op_type, phase="forward", batch=source.batch, rows=source.rows
            ),
            evidence={"hidden": source.output.nan, "nan_from": source.op},
            limits={"hidden": self.hidden},
            remedies=REMEDIES,
            about=f"layer:{layer or op}",
        )
