"""ND102: infinities in the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, DataFacts, RunFacts, StepFacts
from nandoctor.facts.cells import BadCells, bad_cells, likely_maker
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import plural


@dataclass(frozen=True)
class InfInData:
    """The data holds infinities.

    What it finds:
        An input or a label has cells that are +Inf or -Inf. They become NaN as soon as two of them meet, or one
        meets a zero: in a matrix product, a normalization, a gradient.

    Evidence:
        The exact number of +Inf and of -Inf in the array, the columns that have them, the rows of the first ones,
        and for text files the line and the cell as it is written (`1e400` reads as Inf).

    Limit and source:
        One cell. IEEE 754: Inf - Inf and 0 * Inf are NaN.

    Remedy:
        Find the division or the logarithm that made them, and guard it; or bound the column
        (`np.clip(x, low, high)`) where a bound has a meaning. Else leave the rows out.

    When it is fine:
        In an array that feeds nothing, and where the model itself bounds or replaces them (`tf.clip_by_value`)
        before they do harm. Both are reported as a note.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        x = np.array([[0.5, 1.0], [0.25, np.inf], [1.0, 0.0]], np.float32)
    """

    code: ClassVar[str] = "ND102"
    cause: ClassVar[str] = "inf-in-data"
    title: ClassVar[str] = "Infinity in the data"

    def check(self, data: DataFacts, step: StepFacts | None = None, run: RunFacts | None = None) -> Iterator[Finding]:
        """One finding for each array that holds an infinity; none where the input pipeline made them."""
        if run is not None and run.trip is not None and run.trip.made_by_pipeline:
            return
        for array in data.arrays:
            found = bad_cells(array, "inf")
            if found is not None:
                replaced = step is not None and step.replaces_input(array.name, array.bound_to)
                yield self._explain(data, array, found, replaced)

    def _explain(self, data: DataFacts, array: ArrayFacts, found: BadCells, replaced: bool) -> Finding:
        positive = array.stats.positive_inf if array.stats else 0
        negative = array.stats.negative_inf if array.stats else 0
        what = "labels" if array.role == "label" else "column"
        remark = (
            " The model bounds or replaces them before they reach anything." if replaced else likely_maker(array, "inf")
        )
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note" if replaced or array.role == "unused" else "error",
            title=self.title,
            message=(
                f"{found.count:,} of {plural(found.values, 'value')} of {array.role} {array.name!r} "
                f"{'is' if found.count == 1 else 'are'} infinite (limit 0; +Inf {positive:,}, -Inf {negative:,})"
                f"{found.where_clause()}.{remark}"
            ),
            location=data.location(found.column_names, found.cells),
            evidence={
                "infinite": found.count,
                "positive_inf": positive,
                "negative_inf": negative,
                "values": found.values,
                "columns_with_inf": len(found.columns),
            },
            limits={"infinite": 0},
            remedies=(
                Remedy("guard-the-maker", f"Guard the division or logarithm that made the {what}"),
                Remedy("bound-column", f"Bound the {what} with np.clip where a bound has a meaning"),
                Remedy("drop-rows", "Leave out the rows that hold Inf"),
            ),
            about=array.about,
        )
