"""ND810: a softmax over one unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain_source


@dataclass(frozen=True)
class SoftmaxOverOneUnit:
    """A softmax along an axis with a single unit is 1, whatever the input.

    What it finds:
        `Dense(1, activation="softmax")`, convolutions with one filter and a softmax, and a softmax right after such a
        layer.

    Evidence:
        The layer as it is written.

    Limit and source:
        exp(x) / exp(x) = 1: a constant, whose gradient is 0. An error, since nothing before it can learn.

    Remedy:
        `Dense(1, activation="sigmoid")` with binary_crossentropy; in attention, a softmax along the axis of the
        steps: `keras.layers.Softmax(axis=1)`.

    When it is fine:
        A softmax along another axis is not reported.

    Example:
        import keras

        model = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(1, activation="softmax")])
    """

    code: ClassVar[str] = "ND810"
    cause: ClassVar[str] = "softmax-over-one-unit"
    title: ClassVar[str] = "Softmax over one unit"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each such softmax."""
        for file in source.files:
            for one in file.single_softmaxes:
                yield explain_source(
                    self,
                    one.place,
                    "This softmax is over 1 unit: it gives exactly 1 whatever its input, and its gradient is 0.",
                    severity="error",
                    phase="forward",
                    evidence={"units": 1},
                    limits={"units": 2},
                    remedies=(
                        Remedy("sigmoid", "Use Dense(1, activation='sigmoid') with binary_crossentropy"),
                        Remedy("other-axis", "In attention, take the softmax along the steps: Softmax(axis=1)"),
                    ),
                )
