"""ND101: NaN in the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, DataFacts, RunFacts, StepFacts
from nandoctor.facts.cells import BadCells, bad_cells, likely_maker
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import plural

OF_INPUTS = (
    Remedy("drop-rows", "Leave out the rows that hold NaN"),
    Remedy("impute", "Fill the cells with a value that the training data justifies, and add a mask column"),
)
OF_LABELS = (
    Remedy("drop-rows", "Leave out the rows whose label is NaN: nothing can be learned from them"),
    Remedy("guard-the-maker", "Guard what makes the labels: a logarithm, a root or a division that takes any value"),
)


@dataclass(frozen=True)
class NanInData:
    """The data holds NaN.

    What it finds:
        An input or a label has cells that are NaN. One is enough: it spreads through every sum it enters, and the
        first update carries it into the weights. With fused kernels the loss may stay finite all the same.

    Evidence:
        The exact number of NaN cells in the array and in each column, the rows of the first ones, and for text
        files the line and the cell as it is written.

    Limit and source:
        One cell. IEEE 754: any arithmetic with NaN gives NaN. Shares such as ydata-profiling's 1 % let the one
        cell pass that ruins a training.

    Remedy:
        Drop the rows (`x[~np.isnan(x).any(axis=1)]`), or fill the cells with a value that the training data
        justifies and tell the model by a mask column. A label that is NaN cannot be filled: leave its row out, or
        guard the logarithm or division that made it.

    When it is fine:
        In an array that feeds nothing, and where the model itself replaces NaN (`tf.where(tf.math.is_nan(x), ...)`)
        before it does harm. Both are reported as a note.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        x = np.array([[0.5, 1.0], [0.25, np.nan], [1.0, 0.0]], np.float32)
    """

    code: ClassVar[str] = "ND101"
    cause: ClassVar[str] = "nan-in-data"
    title: ClassVar[str] = "NaN in the data"

    def check(self, data: DataFacts, step: StepFacts | None = None, run: RunFacts | None = None) -> Iterator[Finding]:
        """One finding for each array that holds NaN; none where the input pipeline made them."""
        if run is not None and run.trip is not None and run.trip.made_by_pipeline:
            return
        for array in data.arrays:
            found = bad_cells(array, "nan")
            if found is not None:
                replaced = step is not None and step.replaces_input(array.name, array.bound_to)
                yield self._explain(data, array, found, replaced)

    def _explain(self, data: DataFacts, array: ArrayFacts, found: BadCells, replaced: bool) -> Finding:
        remark = " The model replaces them before they reach anything." if replaced else likely_maker(array, "nan")
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note" if replaced or array.role == "unused" else "error",
            title=self.title,
            message=(
                f"{found.count:,} of {plural(found.values, 'value')} of {array.role} {array.name!r} "
                f"{'is' if found.count == 1 else 'are'} NaN (limit 0){found.where_clause()}.{remark}"
            ),
            location=data.location(found.column_names, found.cells),
            evidence={"nan": found.count, "values": found.values, "columns_with_nan": len(found.columns)},
            limits={"nan": 0},
            remedies=OF_LABELS if array.role == "label" else OF_INPUTS,
            about=array.about,
        )
