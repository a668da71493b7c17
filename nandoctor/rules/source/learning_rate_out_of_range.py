"""ND812: learning rates that cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts
from nandoctor.finding import Finding, Remedy, Severity
from nandoctor.rule import explain_source
from nandoctor.wording import number


@dataclass(frozen=True)
class LearningRateOutOfRange:
    """A learning rate in the source is not positive, or far from what trains.

    What it finds:
        Numbers given as learning rate to optimizers of Keras and TensorFlow and to schedules, literally or by a
        constant of the module: negative, 0, above `highest` (1), or below `lowest` (1e-8).

    Evidence:
        The optimizer and the number.

    Limit and source:
        Negative: the loss is climbed, an error. 0: nothing is learnt unless something sets it later, a warning.
        Adam's step is about the learning rate in each weight whatever the gradient (Kingma and Ba, 2015, section
        2.1), and weights begin at about 0.05: above `highest` (1) the first step is 20 times the weights. Below
        `lowest` (1e-8) it is lost: float32 keeps 2**-24 of a weight, 3e-9 of 0.05.

    Remedy:
        Adam: 1e-3, SGD: 1e-2, and from there by factors of 3.

    When it is fine:
        Adadelta's original rate is 1, which is within the limit. A rate of 0 that a schedule or callback raises.

    Example:
        import keras

        optimizer = keras.optimizers.Adam(learning_rate=10.0)
    """

    highest: float = 1.0
    lowest: float = 1e-8

    code: ClassVar[str] = "ND812"
    cause: ClassVar[str] = "learning-rate-out-of-range"
    title: ClassVar[str] = "Learning rate out of range in the source"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each such number."""
        for file in source.files:
            for one in file.rates:
                if self.lowest <= one.value <= self.highest:
                    continue
                severity, why = self._judge(one.value)
                yield explain_source(
                    self,
                    one.place,
                    f"{one.optimizer} gets a learning rate of {number(one.value)}: {why}.",
                    severity=severity,
                    phase="update",
                    evidence={"learning_rate": one.value, "optimizer": one.optimizer},
                    limits={"lowest": self.lowest, "highest": self.highest},
                    remedies=(Remedy("usual-learning-rate", "Begin with 1e-3 for Adam, 1e-2 for SGD"),),
                )

    def _judge(self, value: float) -> tuple[Severity, str]:
        if value < 0:
            return "error", "it is negative, so that each step climbs the loss"
        if value == 0:
            return "warning", "nothing is learnt unless something raises it"
        if value > self.highest:
            return "warning", f"the limit is {number(self.highest)}, and weights begin at about 0.05"
        return "warning", f"below {number(self.lowest)} a step is lost in the rounding of float32 weights"
