"""ND109: regression targets of large magnitude."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, HeadFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import named_columns, number

SQUARED_LOSSES = frozenset({"mean_squared_error", "mse"})


@dataclass(frozen=True)
class UnscaledTarget:
    """Targets in the thousands meet a squared error.

    What it finds:
        Labels of a regression with magnitudes above a thousand, under a squared-error loss, while the model's
        outputs are still far smaller. The first loss is the square of that magnitude and the first gradient twice it:
        plain SGD overflows within a few steps, Adam walks for a very long time.

    Evidence:
        The largest magnitude between the 1st and 99th percentile of the labels, the loss that this starts with (its
        square), and the largest output of the head on the examined rows.

    Limit and source:
        `max_abs` 1e3: an initial squared error of 1e6 and gradients a thousand times those that the usual learning
        rates are made for. `reached` 0.1: outputs of at least a tenth of the targets' magnitude, and at most ten times
        it, show a model that has arrived at that scale (it is trained, or scales its own output).

    Remedy:
        Standardize the targets (`(y - mean) / std`, and scale predictions back), or learn their logarithm. Or let a
        last `Rescaling(std, mean)` layer do it inside the model.

    When it is fine:
        When the model is trained and its outputs have the targets' size, and with losses that grow slower than the
        square (mean absolute error, Huber, mean squared logarithmic error). Neither is reported. Without a model
        it is a note.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        x = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
        y = (200000 + 50000 * x[:, :1]).astype(np.float32)
        loss = "mean_squared_error"
    """

    code: ClassVar[str] = "ND109"
    cause: ClassVar[str] = "unscaled-target"
    title: ClassVar[str] = "Unscaled regression target"

    max_abs: float = 1e3
    reached: float = 0.1

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One finding for each label array beyond the limit under a squared-error loss."""
        for array in data.labels:
            large = [column for column in array.columns if column.magnitude > self.max_abs]
            if subject is None:
                large = [column for column in large if not column.integral]
                if large:
                    yield self._explain(data, array, large, None, known=False)
                continue
            target = subject.target(array.name, array.bound_to)
            if not large or target is None or target[0].name.lower() not in SQUARED_LOSSES:
                continue
            head = target[1]
            arrived = self.reached * max(column.magnitude for column in large)
            reached = head.stats.max_abs if head is not None and head.stats is not None else 0.0
            # Outputs far beyond the targets have not arrived, either: they flew past.
            if not arrived <= reached <= arrived / self.reached**2:
                yield self._explain(data, array, large, head, known=True)

    def _explain(
        self, data: DataFacts, array: ArrayFacts, columns: list[ColumnFacts], head: HeadFacts | None, *, known: bool
    ) -> Finding:
        worst = max(column.magnitude for column in columns)
        evidence: dict[str, int | float | str] = {
            "max_abs": worst,
            "initial_squared_error": worst**2,
            "columns": len(columns),
        }
        outputs = ""
        if head is not None and head.stats is not None:
            evidence["reached"] = head.stats.max_abs / worst
            outputs = f", while the outputs are at most {number(head.stats.max_abs)}"
        under = "The loss is a squared error" if known else "No model was given: under a squared error"
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if known else "note",
            title=self.title,
            message=(
                f"Labels {array.name!r} have magnitudes of up to {number(worst)} (limit {number(self.max_abs)}; "
                f"{named_columns([column.name for column in columns])}){outputs}. {under}, which starts near "
                f"{number(worst**2)} with gradients to match."
            ),
            location=data.location([column.name for column in columns[:16]]),
            evidence=evidence,
            limits={"max_abs": self.max_abs, "reached": self.reached},
            remedies=(
                Remedy("standardize-target", "Standardize the targets, and scale the predictions back"),
                Remedy("log-target", "Learn the logarithm of a positive target"),
            ),
            about=array.about,
        )
