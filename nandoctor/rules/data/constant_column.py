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
    """A column has the same value in every row.

    What it finds:
        Input columns, or a whole label, with a standard deviation of 0 over more than one row. They teach nothing, and
        a hand-made standardization `(x - mean) / std` divides by 0 on them.

    Evidence:
        The columns and the value.

    Limit and source:
        std = 0 (0 / 0 is NaN by IEEE 754). Columns that are constant in whole batches alone are constant-batch-risk.

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

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One note for each array with constant columns."""
        for array in data.arrays:
            entry = subject.input_named(array.bound_to) if subject else None
            looked_up = entry is not None and entry.embeds
            whole_label = array.role == "label" and len(array.columns) == 1
            if (array.role == "input" and not looked_up) or whole_label:
                yield from self._explain(data, array)

    def _explain(self, data: DataFacts, array: ArrayFacts) -> Iterator[Finding]:
        constant = [column for column in array.columns if _constant(column, array.shape[0])]
        if not constant:
            return
        names = [column.name for column in constant]
        yield Finding(
            rule=self.code,
            cause=self.cause,
            severity="note",
            title=self.title,
            message=(
                f"{len(constant):,} of {len(array.columns):,} columns of {array.role} {array.name!r} have one value in "
                f"all {array.shape[0]:,} rows (std 0): {listing(names)}; "
                f"the first is always {number(constant[0].stats.minimum or 0.0)}."
            ),
            location=data.location(names[:16]),
            evidence={"constant_columns": len(constant), "columns": len(array.columns)},
            limits={"constant_columns": 0},
            remedies=(Remedy("drop-column", "Drop the column, or divide by max(std, epsilon) when standardizing"),),
            about=array.about,
        )


def _constant(column: ColumnFacts, rows: int) -> bool:
    # Among texts, the few that happen to read as numbers (codes such as 00 and 0E0) say nothing of the rest.
    numeric = rows > 1 and column.stats.finite > 1 and not column.non_numeric
    return numeric and column.stats.constant and column.stats.minimum != 1.0
