"""ND501: a loss that does not fit the activation of the head it is applied to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import HeadFacts, LossFacts, SubjectFacts
from nandoctor.finding import Finding, Location, Remedy, Scalar, Severity
from nandoctor.wording import number, plural

BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
CATEGORICAL = frozenset(
    {"categorical_crossentropy", "sparse_categorical_crossentropy", "categorical_focal_crossentropy"}
)
SQUASHES = ("softmax", "sigmoid")


@dataclass(frozen=True)
class Mismatch:
    """What is wrong between a head and its loss, how bad it is, and what to do."""

    severity: Severity
    sentence: str
    remedy: Remedy


@dataclass(frozen=True)
class LossActivationMismatch:
    """The loss and the last activation do not belong together.

    What it finds:
        A softmax over a single unit (always exactly 1) or a categorical cross-entropy on a single unit (always 0): an
        error, since such a head cannot learn. A cross-entropy of probabilities that gets logits; a `from_logits=True`
        loss that gets probabilities; a softmax or sigmoid applied to another one; a relu or tanh head under a
        cross-entropy.

    Evidence:
        The head's activation, its number of units and the range of its outputs, the loss and its `from_logits`.

    Limit and source:
        Probabilities lie in 0..1: a linear head is reported only if its outputs leave that range by more than
        `tolerance` (1e-3). The rest follows from the definitions of the losses. Measured with Keras 3.15: binary
        cross-entropy on `Dense(1, softmax)` falls from 0.51 to 0.10 while each prediction is 1.0, since Keras takes
        the value before the softmax as the logit.

    Remedy:
        One unit: `sigmoid` and binary cross-entropy. Classes: one unit a class, no activation and `from_logits=True`,
        or `softmax` and the default. Apply it once.

    When it is fine:
        A head whose loss was chosen by nandoctor itself is only checked for what is wrong under any loss.

    Example:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="softmax")])
        x = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
        y = (x[:, 0] > 0).astype(np.float32)
        loss = "binary_crossentropy"
    """

    tolerance: float = 1e-3

    code: ClassVar[str] = "ND501"
    cause: ClassVar[str] = "loss-activation-mismatch"
    title: ClassVar[str] = "Loss and last activation do not fit"

    def check(self, subject: SubjectFacts) -> Iterator[Finding]:
        """At most one finding for each head and loss."""
        for loss in subject.losses:
            for head in subject.heads:
                if loss.chosen == "outputs" or loss.output not in (None, head.output):
                    continue
                mismatch = self._under_any_loss(head, loss)
                if mismatch is None and loss.chosen != "inferred" and loss.name in BINARY | CATEGORICAL:
                    mismatch = self._under_cross_entropy(head, loss)
                if mismatch:
                    yield self._explain(head, loss, mismatch)

    def _under_any_loss(self, head: HeadFacts, loss: LossFacts) -> Mismatch | None:
        if head.units == 1 and head.activation == "softmax":
            return Mismatch(
                "error",
                "a softmax over one unit is exactly 1 whatever the input, so that it cannot learn",
                Remedy("sigmoid", "Use Dense(1, activation='sigmoid') with binary_crossentropy"),
            )
        if head.units == 1 and loss.name in CATEGORICAL:
            return Mismatch(
                "error",
                "a categorical cross-entropy over one unit compares one class with itself and is always 0",
                Remedy("binary-crossentropy", "Use binary_crossentropy, or one unit for each class"),
            )
        if head.activation in SQUASHES and head.earlier_activation in SQUASHES:
            return Mismatch(
                "warning",
                f"the {head.activation} is applied to the result of a {head.earlier_activation}: it sees only 0..1 and "
                "cannot become certain",
                Remedy("one-activation", "Apply softmax or sigmoid once"),
            )
        return None

    def _under_cross_entropy(self, head: HeadFacts, loss: LossFacts) -> Mismatch | None:
        stats = head.stats
        if loss.from_logits and head.activation in SQUASHES:
            return Mismatch(
                "warning",
                f"the loss expects logits and gets the probabilities of a {head.activation}, which it squashes again",
                Remedy("from-logits-false", "Remove the activation, or set from_logits=False"),
            )
        if head.activation in ("relu", "tanh"):
            reach = "never negative" if head.activation == "relu" else "within -1..1"
            return Mismatch(
                "warning",
                f"the outputs of a {head.activation} are {reach}, which suits neither logits nor probabilities",
                Remedy("no-activation", "Remove the activation and set from_logits=True"),
            )
        if loss.from_logits or head.activation in SQUASHES or stats is None or stats.minimum is None:
            return None
        if stats.minimum < -self.tolerance or (stats.maximum or 0.0) > 1.0 + self.tolerance:
            return Mismatch(
                "warning",
                "the loss expects probabilities and gets values outside 0..1, which it clips (and a clipped value has "
                "no gradient) or normalizes",
                Remedy("from-logits", "Set from_logits=True on the loss"),
            )
        return None

    def _explain(self, head: HeadFacts, loss: LossFacts, mismatch: Mismatch) -> Finding:
        given = "" if loss.from_logits is None else f" (from_logits={loss.from_logits})"
        evidence: dict[str, Scalar] = {"loss": loss.name, "activation": head.activation}
        span = ""
        if head.units is not None:
            evidence["units"] = head.units
        if head.stats and head.stats.minimum is not None and head.stats.maximum is not None:
            evidence |= {"minimum": head.stats.minimum, "maximum": head.stats.maximum}
            span = f", values in {number(head.stats.minimum)}..{number(head.stats.maximum)}"
        units = "" if head.units is None else f"{plural(head.units, 'unit')}, "
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity=mismatch.severity,
            title=self.title,
            message=(
                f"{loss.name}{given} on the output {head.output} ({units}{head.activation}{span}): {mismatch.sentence}."
            ),
            location=Location(layer=head.layer, op=head.op, op_type=head.op_type, phase="forward"),
            evidence=evidence,
            limits={"tolerance": self.tolerance},
            remedies=(mismatch.remedy,),
            about=f"head:{head.output}",
        )
