"""ND502: a negative loss where the loss cannot be negative."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import StepFacts, SubjectFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import listing, number, plural

NEVER_NEGATIVE = frozenset(
    {
        "binary_crossentropy",
        "binary_focal_crossentropy",
        "categorical_crossentropy",
        "categorical_focal_crossentropy",
        "sparse_categorical_crossentropy",
    }
)


@dataclass(frozen=True)
class LossSign:
    """A cross-entropy is negative: it is unbounded below, and training runs away.

    What it finds:
        The step's loss is made of cross-entropies, which are 0 or more for targets within 0..1, and it came out
        negative. Minimizing it drives the logits to infinity.

    Evidence:
        The lowest loss among the examined batches, how many batches are negative, and the loss functions.

    Limit and source:
        `loss` (-1e-6, for rounding). -y log p - (1 - y) log(1 - p) is at least 0 exactly if y lies within 0..1.

    Remedy:
        Scale the targets into 0..1 (255 for a mask, -1 and 1 for classes are the usual slips), or use a regression
        loss.

    When it is fine:
        A loss to which a negative term is added on purpose (`add_loss`).

    Example:
        head = keras.layers.Dense(1, activation="sigmoid", kernel_initializer="ones")
        model = keras.Sequential([keras.Input((4,)), head])
        x = np.ones((32, 4), np.float32)
        y = np.full((32, 1), 5.0, np.float32)
        loss = "binary_crossentropy"
    """

    loss: float = -1e-6

    code: ClassVar[str] = "ND502"
    cause: ClassVar[str] = "loss-sign"
    title: ClassVar[str] = "Negative cross-entropy"

    def check(self, step: StepFacts, subject: SubjectFacts) -> Iterator[Finding]:
        """At most one warning, on the losses together."""
        names = [loss.name for loss in subject.losses]
        negative = [value for value in step.losses if value < self.loss]
        if not names or not negative or not set(names) <= NEVER_NEGATIVE:
            return
        lowest = min(negative)
        yield Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning",
            title=self.title,
            message=(
                f"The loss ({listing(names)}) is {number(lowest)} at its lowest, and negative in {len(negative):,} of "
                f"{plural(len(step.losses), 'batch')}; a cross-entropy is at least 0 for targets within 0..1."
            ),
            location=Location(phase="forward"),
            evidence={"loss": lowest, "negative_batches": len(negative), "batches": len(step.losses)},
            limits={"loss": self.loss},
            remedies=(Remedy("scale-targets", "Scale the targets into 0..1, or use a regression loss"),),
            about=f"loss:{names[0]}",
        )
