"""ND808: a head and a loss that do not fit, both in the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts, SourcePair
from nandoctor.finding import Finding, Remedy, Scalar, Severity
from nandoctor.rule import explain_source
from nandoctor.wording import plural

BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
CATEGORICAL = frozenset(
    {"categorical_crossentropy", "sparse_categorical_crossentropy", "categorical_focal_crossentropy"}
)


@dataclass(frozen=True)
class LossHeadMismatchInSource:
    """The last layer and the loss, both visible in the file, do not belong together.

    What it finds:
        A categorical cross-entropy over a single unit; a cross-entropy of the outputs of a ReLU or a tanh. Heads and
        losses are paired where a file shows both: `compile(loss=...)`, a loss that is called with a model's outputs.

    Evidence:
        Units and activation of the last layer with its line, and the name of the loss.

    Limit and source:
        A categorical cross-entropy over one class is identically 0 (sum of p log(p / sum p)): an error, since it
        cannot learn. Outputs of a ReLU (never negative) and of a tanh (-1..1) are neither logits nor probabilities: a
        warning. What loss-activation-mismatch (ND501) says of a model that was run.

    Remedy:
        One unit: sigmoid and binary_crossentropy. Classes: one unit a class, no activation and `from_logits=True`, or
        softmax.

    When it is fine:
        Heads and losses that only come together while the program runs are not paired.

    Example:
        import keras

        model = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(1, activation="sigmoid")])
        model.compile(optimizer="adam", loss="categorical_crossentropy")
    """

    code: ClassVar[str] = "ND808"
    cause: ClassVar[str] = "loss-head-mismatch-in-source"
    title: ClassVar[str] = "Loss and last layer in the source do not fit"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """At most one finding for each pair."""
        for file in source.files:
            for pair in file.pairs:
                if pair.loss.name not in BINARY | CATEGORICAL:
                    continue
                if pair.loss.name in CATEGORICAL and pair.head.units == 1:
                    yield self._explain(pair, "error", "over one class it is always 0, so that nothing is learnt")
                elif pair.head.activation in ("relu", "tanh"):
                    reach = "never negative" if pair.head.activation == "relu" else "within -1..1"
                    yield self._explain(
                        pair, "warning", f"they are {reach}, which suits neither logits nor probabilities"
                    )

    def _explain(self, pair: SourcePair, severity: Severity, why: str) -> Finding:
        head = pair.head
        evidence: dict[str, Scalar] = {"loss": pair.loss.name, "head_line": head.place.line}
        if head.units is not None:
            evidence["units"] = head.units
        if head.activation is not None:
            evidence["activation"] = head.activation
        units = "" if head.units is None else f"{plural(head.units, 'unit')}, "
        return explain_source(
            self,
            pair.loss.place,
            f"{pair.loss.name} of the outputs of the last layer in line {head.place.line} ({units}"
            f"{head.activation or 'activation unknown'}): {why}.",
            severity=severity,
            phase="forward",
            evidence=evidence,
            remedies=(
                Remedy("sigmoid", "Use one unit with sigmoid and binary_crossentropy, or one unit for each class"),
                Remedy("no-activation", "Leave the activation out and set from_logits=True"),
            )[:: 1 if severity == "error" else -1],
        )
