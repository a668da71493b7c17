"""ND125: columns that are constant in whole batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import named_columns, number


@dataclass(frozen=True)
class ConstantBatchRisk:
    """One value fills so much of a column that whole batches hold nothing else.

    What it finds:
        Input columns that vary, but of which one batch in a hundred is expected to be constant. A standardization by
        the batch `(x - mean) / std` that is written by hand divides by 0 there.

    Evidence:
        The columns, and the exact probability that a batch drawn without replacement holds the most frequent value
        only: C(k, b) / C(n, b) for k of n values and a batch of b rows.

    Limit and source:
        `probability` 0.01: at that rate an epoch of a hundred batches is expected to meet one.

    Remedy:
        Divide by `tf.maximum(std, epsilon)`, or standardize with the statistics of the whole data set. Keras'
        BatchNormalization adds an epsilon already. Or take larger batches.

    When it is fine:
        Unless something divides by the batch's own spread, always: hence a note. Indicator columns (0 and 1), pixels,
        arrays of higher rank and ids that are looked up are not judged.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        x = np.random.default_rng(0).normal(size=(512, 2)).astype(np.float32)
        x[:480, 1] = 0.5
    """

    code: ClassVar[str] = "ND125"
    cause: ClassVar[str] = "constant-batch-risk"
    title: ClassVar[str] = "Batches in which a column is constant"

    probability: float = 0.01

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One note for each input array with such columns."""
        for array in data.inputs:
            entry = subject.input_named(array.bound_to) if subject else None
            if data.batch_size is None or array.image_like or len(array.shape) > 2:
                continue
            if entry is not None and entry.embeds:
                continue
            chances = {column.name: _chance(column, data.batch_size) for column in array.columns}
            likely = [name for name, chance in chances.items() if chance > self.probability]
            if likely:
                yield self._explain(data, array, likely, max(chances.values()))

    def _explain(self, data: DataFacts, array: ArrayFacts, names: list[str], worst: float) -> Finding:
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note",
            title=self.title,
            message=(
                f"In {len(names):,} of {len(array.columns):,} columns of input {array.name!r} a whole batch of "
                f"{data.batch_size} rows is constant with a probability of up to {number(worst)} (limit "
                f"{number(self.probability)}): {named_columns(names)}."
            ),
            location=data.location(names[:16]),
            evidence={"probability": worst, "columns": len(names), "batch_size": data.batch_size or 0},
            limits={"probability": self.probability},
            remedies=(Remedy("guard-spread", "Divide by max(std, epsilon), or by the spread of the whole data set"),),
            about=array.about,
        )


def _chance(column: ColumnFacts, batch: int) -> float:
    """The hypergeometric chance that a batch holds the most frequent value only; 0 where the question makes no "
    "sense."""
    rows = column.stats.finite
    indicator = column.distinct is not None and column.distinct <= 2 and column.integral
    if indicator or not column.repeated or rows <= batch or batch < 2 or column.stats.constant:
        return 0.0
    same = column.repeated[0][1]
    if same < batch:
        return 0.0
    return math.exp(_log_choose(same, batch) - _log_choose(rows, batch))


def _log_choose(many: int, few: int) -> float:
    return math.lgamma(many + 1) - math.lgamma(few + 1) - math.lgamma(many - few + 1)
