"""ND106: columns that never change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, StepFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy, Severity
from nandoctor.wording import listing, named_columns, number, plural


@dataclass(frozen=True)
class ConstantColumn:
    """A column has the same value in every row.

    What it finds:
        Input columns, or a whole label, with a standard deviation of 0 over more than one row. They teach nothing, and
        a hand-made standardization `(x - mean) / std` divides by 0 on them. Where all columns of all inputs are so, the
        rows are all one and the same row.

    Evidence:
        The columns and the value.

    Limit and source:
        std = 0 (0 / 0 is NaN by IEEE 754). Columns that are constant in whole batches alone are constant-batch-risk.

    Remedy:
        Drop the column, or divide by `tf.maximum(std, epsilon)`. Keras' Normalization and BatchNormalization
        add an epsilon already.

    When it is fine:
        Mostly: borders of pictures, unused one-hot columns. That is why it is a note. Columns of ones (a bias, a mask),
        indicator columns that vary (0 and 1), and ids that are looked up in an embedding (padding) are not reported.
        Inputs that are constant throughout are a warning where no model was run on them, or where units are dead or
        kernels without gradient: on other rows these may be well. Else, as in a trial run on ones, they are a note.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        x = np.stack([np.linspace(-1, 1, 64), np.full(64, 0.5)], axis=1).astype(np.float32)
    """

    code: ClassVar[str] = "ND106"
    cause: ClassVar[str] = "constant-column"
    title: ClassVar[str] = "Constant column"

    def check(
        self, data: DataFacts, subject: SubjectFacts | None = None, step: StepFacts | None = None
    ) -> Iterator[Finding]:
        """One finding for inputs that are constant throughout, else one note for each array with constant columns."""
        if data.rows < 2:
            return
        fed = [array for array in data.inputs if not _looked_up(array, subject)]
        whole = _all_constant(fed) and len(fed) == len(data.inputs)
        if whole:
            yield self._same_rows(data, fed, "warning" if _does_harm(step) else "note")
        for array in data.arrays:
            whole_label = array.role == "label" and len(array.columns) == 1
            if (array in fed and not whole) or whole_label:
                yield from self._explain(data, array)

    def _explain(self, data: DataFacts, array: ArrayFacts) -> Iterator[Finding]:
        constant = [column for column in array.columns if _constant(column) and column.stats.minimum != 1.0]
        if not constant:
            return
        names, first = [column.name for column in constant], constant[0]
        rows = f"all {array.shape[0]:,} rows"
        if first.stats.finite < first.stats.count:
            rows = f"all {first.stats.finite:,} rows that hold a number"
        value = f"is {number(first.stats.minimum or 0.0)} in {rows}"
        several = len(names) > 1
        told = (
            f"{len(constant):,} of {len(array.columns):,} columns of {array.role} {array.name!r} never "
            f"{'change' if several else 'changes'} (standard deviation 0): {named_columns(names)}; "
            f"{f'column {first.name}' if several else 'it'} {value}."
        )
        if len(array.columns) == 1:
            told = f"The {array.role} {array.name!r} never changes (standard deviation 0): it {value}."
        yield Finding(
            rule=self.code,
            cause=self.cause,
            severity="note",
            title=self.title,
            message=told,
            location=data.location(names[:16]),
            evidence={"constant_columns": len(constant), "columns": len(array.columns)},
            limits={"constant_columns": 0},
            remedies=(Remedy("drop-column", "Drop the column, or divide by max(std, epsilon) when standardizing"),),
            about=array.about,
        )

    def _same_rows(self, data: DataFacts, arrays: Sequence[ArrayFacts], severity: Severity) -> Finding:
        columns = [column for array in arrays for column in array.columns]
        largest = max(column.stats.max_abs for column in columns)
        values = "every value is 0" if largest == 0.0 else f"the largest magnitude is {number(largest)}"
        names = listing([repr(array.name) for array in arrays])
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity=severity,
            title="Constant inputs",
            message=(
                f"No column of {'input' if len(arrays) == 1 else 'inputs'} {names} ever changes "
                f"({plural(len(columns), 'column')}, standard deviation 0): all {data.rows:,} rows are one and the "
                f"same ({values}), and there is nothing in them to learn from."
            ),
            location=data.location([column.name for column in columns[:16]]),
            evidence={"constant_columns": len(columns), "columns": len(columns), "largest": largest},
            limits={"constant_columns": 0},
            remedies=(
                Remedy("look-at-source", "Look at what wrote the data: a filled buffer, a lost join, a wrong key"),
            ),
            about=arrays[0].about,
        )


def _looked_up(array: ArrayFacts, subject: SubjectFacts | None) -> bool:
    entry = subject.input_named(array.bound_to) if subject else None
    return entry is not None and entry.embeds


def _does_harm(step: StepFacts | None) -> bool:
    """Whether a model got no gradient or dead units from the data; True where none was run."""
    if step is None:
        return True
    return any(one.vanished for one in step.kernels) or any(layer.dead_units for layer in step.layers)


def _all_constant(arrays: Sequence[ArrayFacts]) -> bool:
    """Whether all columns of all these arrays are known, and constant in every row."""
    full = all(array.columns and array.stats and array.stats.finite == array.stats.count for array in arrays)
    return bool(arrays) and full and all(_constant(column) for array in arrays for column in array.columns)


def _constant(column: ColumnFacts) -> bool:
    # Among texts, the few that happen to read as numbers (codes such as 00 and 0E0) say nothing of the rest.
    return column.stats.finite > 1 and not column.non_numeric and column.stats.constant
