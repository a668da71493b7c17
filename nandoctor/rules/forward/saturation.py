"""ND216: a hidden layer whose bounded activation is pinned to its ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import LayerFacts, StepFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import number, plural

ENDS = {"Sigmoid": ("0", "1"), "Tanh": ("-1", "1")}


@dataclass(frozen=True)
class Saturation:
    """Nearly all outputs of a hidden sigmoid or tanh layer are pinned to the ends of its range.

    What it finds:
        A layer that is not one of the model's outputs ends in Sigmoid or Tanh, and nearly all its values lie within
        0.001 of the range's ends: the layer lets little gradient through.

    Evidence:
        The share of values pinned to the lower and to the upper end, over all examined rows.

    Limit and source:
        `share` (0.9). Within 0.001 of an end tanh' is at most 0.002 and sigmoid' at most 0.001, so that a layer with
        nine tenths of its values there passes on little more than a tenth of the gradient it could. Glorot and Bengio
        2010 (section 3) describe such layers as those which stop learning. Measured: 4 % in the hidden tanh layers of
        a trained classifier; 88 % in one that is fed 0..100 and still learns. From `noted` (0.5) up to `share` it is a
        note. A recurrent layer is judged by its outputs, not by its gates.

    Remedy:
        Scale the inputs (a Normalization layer), use a smaller initialization or learning rate, a batch normalization
        in front of the activation, or relu.

    When it is fine:
        Outputs of trained classifiers and attention weights are pinned when they are certain: they are never
        reported. A layer that is meant to give bits (hashing, binary codes).

    Example:
        model = keras.Sequential(
            [
                keras.Input((8,)),
                keras.layers.Dense(16, activation="tanh", kernel_initializer=keras.initializers.RandomNormal(seed=1)),
                keras.layers.Dense(1),
            ]
        )
        x = np.random.default_rng(0).uniform(-1e5, 1e5, (64, 8)).astype(np.float32)
    """

    share: float = 0.9
    noted: float = 0.5

    code: ClassVar[str] = "ND216"
    cause: ClassVar[str] = "saturation"
    title: ClassVar[str] = "Saturated activation"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One warning for each hidden layer that is saturated, or a note where more than half of it is."""
        seen = set()
        for layer in step.layers:
            if layer.head or layer.op_type not in ENDS or layer.low_share is None or layer.high_share is None:
                continue
            if layer.low_share + layer.high_share >= self.noted and layer.layer not in seen:
                seen.add(layer.layer)
                yield self._explain(layer, layer.low_share, layer.high_share)

    def _explain(self, layer: LayerFacts, low_share: float, high_share: float) -> Finding:
        low, high = ENDS[layer.op_type]
        share = low_share + high_share
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if share >= self.share else "note",
            title=self.title,
            message=(
                f"{share:.1%} of the outputs of {layer.layer} ({layer.op_type}) are within 0.001 of an end of its "
                f"range ({low_share:.1%} at {low}, {high_share:.1%} at {high}; limit {self.share:.0%}), over "
                f"{plural(layer.rows, 'row')}: little gradient passes."
            ),
            location=Location(layer=layer.layer, op=layer.op, op_type=layer.op_type, phase="forward"),
            evidence={"share": float(number(share)), "low_share": low_share, "high_share": high_share},
            limits={"share": self.share, "noted": self.noted},
            remedies=(
                Remedy("scale-inputs", "Scale what feeds the layer, for example with a Normalization layer"),
                Remedy("smaller-initialization", "Use a smaller initialization or learning rate"),
            ),
            about=f"layer:{layer.layer}",
        )
