"""ND217: a ReLU layer whose units never fire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import DataFacts, LayerFacts, StepFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import plural


@dataclass(frozen=True)
class DeadRelu:
    """Nearly all units of a ReLU layer are 0 for every row.

    What it finds:
        A layer that ends in a ReLU, nearly all of whose units (channels) were 0 for all examined rows and places.
        Such a unit gets no gradient and cannot come back.

    Evidence:
        How many units of how many were 0 throughout, over how many rows.

    Limit and source:
        `share` (0.9) of the units, and `rows` (1,000) rows seen or the whole data set if it is smaller. Zeros alone
        mean nothing: 50 to 80 % zeros is healthy sparsity (58 of the 68 false alarms of DeepDiagnosis on healthy
        models came from counting them), and an untrained deep convolutional network has up to half of its late
        channels dead.

    Remedy:
        A smaller learning rate, He initialization, bias 0 instead of negative, leaky_relu or gelu; check that the
        inputs are not all of one sign and huge.

    When it is fine:
        Units that serve classes or cases which the examined rows do not contain.

    Example:
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(16, activation="relu", bias_initializer=keras.initializers.Constant(-100.0)),
                keras.layers.Dense(1),
            ]
        )
        x = np.random.default_rng(0).uniform(0.0, 1.0, (64, 4)).astype(np.float32)
    """

    share: float = 0.9
    rows: int = 1000

    code: ClassVar[str] = "ND217"
    cause: ClassVar[str] = "dead-relu"
    title: ClassVar[str] = "Dead ReLU units"

    def check(self, step: StepFacts, data: DataFacts | None = None) -> Iterator[Finding]:
        """One warning for each ReLU layer nearly all of whose units are dead, once enough rows were seen."""
        enough = step.rows >= self.rows or (data is not None and step.rows >= data.rows)
        seen = set()
        for layer in step.layers if enough else ():
            if not layer.units or layer.dead_units is None or layer.layer in seen:
                continue
            if layer.dead_units / layer.units >= self.share:
                seen.add(layer.layer)
                yield self._explain(layer, layer.dead_units, layer.units, step.rows)

    def _explain(self, layer: LayerFacts, dead: int, units: int, rows: int) -> Finding:
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning",
            title=self.title,
            message=(
                f"{dead:,} of {plural(units, 'unit')} of {layer.layer} are 0 for each of {plural(rows, 'row')} "
                f"({dead / units:.0%}, limit {self.share:.0%}): they get no gradient."
            ),
            location=Location(layer=layer.layer, op=layer.op, op_type=layer.op_type, phase="forward"),
            evidence={"share": dead / units, "dead_units": dead, "units": units, "rows": rows},
            limits={"share": self.share, "rows": self.rows},
            remedies=(
                Remedy("leaky-relu", "Use leaky_relu, which keeps a gradient below zero"),
                Remedy("smaller-learning-rate", "Lower the learning rate and initialize with he_normal and bias 0"),
            ),
            about=f"layer:{layer.layer}",
        )
