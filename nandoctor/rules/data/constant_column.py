"""ND106: columns that never change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing, number


@dataclass(frozen=True)
class ConstantColumn:
    """A column has the same value in every row, or in so many that whole batches are constant.

    What it finds:
        Input columns, or a whole label, with a standard deviation of 0 over more than one row; and columns of which
        one batch in a hundred is expected to be constant. They teach nothing, and a hand-made standardization
        `(x - mean) / std` divides by 0 on them.

    Evidence:
        The columns and the value; for nearly constant columns the share of the most frequent value and the chance
        that it fills a whole batch, share ** batch size.

    Limit and source:
        std = 0 (0 / 0 is NaN by IEEE 754). `constant_batch_probability` 0.01: at that rate an epoch of a hundred
        batches is expected to meet one.

    Remedy:
        Drop the column, or divide by `tf.maximum(std, epsilon)`. Keras' Normalization and BatchNormalization
        add an epsilon already.

    When it is fine:
        Mostly: borders of pictures, unused one-hot columns. That is why it is a note. Columns of ones (a bias, a mask),
        indicator columns that vary (0 and 1), and ids that are looked up in an embedding are not reported.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        x = np.stack([np.linspace(-1, 1, 64), np.full(64, 0.5)], axis=1).astype(np.float32)
    """

    code: ClassVar[str] = "ND106"
    cause: ClassVar[str] = "constant-column"
    title: ClassVar[str] = "Constant column"

    constant_batch_probability: float = 0.01

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One note for each array with constant or nearly constant columns."""
        for array in data.arrays:
            entry = subject.input_named(array.bound_to) if subject else None
            looked_up = entry is not None and entry.embeds
            whole_label = array.role == "label" and len(array.columns) == 1
            if (array.role == "input" and not looked_up) or whole_label:
                yield from self._explain(data, array)

    def _explain(self, data: DataFacts, array: ArrayFacts) -> Iterator[Finding]:
        constant = [column for column in array.columns if _constant(column, array.shape[0])]
        chances = {column.name: self._constant_batch(column, array, data.batch_size) for column in array.columns}
        nearly = [name for name, chance in chances.items() if chance > self.constant_batch_probability]
        if not constant and not nearly:
            return
        parts = []
        if constant:
            value = constant[0].stats.minimum or 0.0
            parts.append(
                f"{len(constant):,} of {len(array.columns):,} columns of {array.role} {array.name!r} have one value in "
                f"all {array.shape[0]:,} rows (std 0): {listing([column.name for column in constant])}; "
                f"the first is always {number(value)}"
            )
        if nearly:
            worst = max(chances[name] for name in nearly)
            parts.append(
                f"in {len(nearly):,} of {len(array.columns):,} columns of {array.role} {array.name!r} a whole batch of "
                f"{data.batch_size} rows is expected to be constant with a probability of up to {number(worst)} "
                f"(limit {number(self.constant_batch_probability)}): {listing(nearly)}"
            )
        names = [*(column.name for column in constant), *nearly]
        yield Finding(
            rule=self.code,
            cause=self.cause,
            severity="note",
            title=self.title,
            message="; ".join(parts) + ".",
            location=data.location(names[:16]),
            evidence={
                "constant_columns": len(constant),
                "nearly_constant_columns": len(nearly),
                "constant_batch_probability": max((chances[name] for name in nearly), default=0.0),
                "columns": len(array.columns),
            },
            limits={"constant_columns": 0, "constant_batch_probability": self.constant_batch_probability},
            remedies=(Remedy("drop-column", "Drop the column, or divide by max(std, epsilon) when standardizing"),),
            about=array.about,
        )

    def _constant_batch(self, column: ColumnFacts, array: ArrayFacts, batch_size: int | None) -> float:
        """The chance that a batch holds the most frequent value only; 0 where the question makes no sense."""
        indicator = column.distinct is not None and column.distinct <= 2
        if array.role != "input" or array.image_like or batch_size is None or indicator or not column.repeated:
            return 0.0
        if len(array.shape) > 2 or column.stats.finite <= batch_size or column.stats.constant:
            return 0.0
        return float((column.repeated[0][1] / column.stats.finite) ** batch_size)


def _constant(column: ColumnFacts, rows: int) -> bool:
    return rows > 1 and column.stats.finite > 1 and column.stats.constant and column.stats.minimum != 1.0
