"""ND103: missing cells in the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, DataFacts, StepFacts
from nandoctor.facts.cells import BadCells, bad_cells
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import plural

OF_INPUTS = (
    Remedy("drop-rows", "Leave out the rows that have empty cells"),
    Remedy("impute", "Fill the cells with a value that the training data justifies, and add a mask column"),
)
OF_LABELS = (Remedy("drop-rows", "Leave out the rows whose label is empty: nothing can be learned from them"),)


@dataclass(frozen=True)
class MissingInData:
    r"""The data has empty cells.

    What it finds:
        An input or a label has cells with nothing in them. Readers turn them into NaN, and the NaN goes into the
        loss, the gradients and the weights.

    Evidence:
        The exact number of empty cells in the array and in each column, the rows of the first ones, their lines in
        the file and what is written there.

    Limit and source:
        One cell: pandas, Polars and this tool all read an empty cell of a numeric column as NaN.

    Remedy:
        Drop the rows (`frame.dropna()`), or fill the cells with a value that the training data justifies and tell
        the model by a mask column.

    When it is fine:
        In a column that feeds nothing, and where the model itself replaces NaN before it does harm. Both are
        reported as a note.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        csv = "width,height\n0.5,1.0\n0.25,\n1.0,0.0\n"
    """

    code: ClassVar[str] = "ND103"
    cause: ClassVar[str] = "missing-in-data"
    title: ClassVar[str] = "Missing cells in the data"

    def check(self, data: DataFacts, step: StepFacts | None = None) -> Iterator[Finding]:
        """One finding for each array that has empty cells."""
        for array in data.arrays:
            found = bad_cells(array, "missing")
            if found is not None:
                replaced = step is not None and step.replaces_input(array.name, array.bound_to)
                yield self._explain(data, array, found, replaced)

    def _explain(self, data: DataFacts, array: ArrayFacts, found: BadCells, replaced: bool) -> Finding:
        remark = " The model replaces them before they reach anything." if replaced else ""
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note" if replaced or array.role == "unused" else "error",
            title=self.title,
            message=(
                f"{found.count:,} of {plural(found.values, 'cell')} of {array.role} {array.name!r} "
                f"{'is' if found.count == 1 else 'are'} empty (limit 0){found.where_clause()}.{remark}"
            ),
            location=data.location(found.column_names, found.cells),
            evidence={"missing": found.count, "cells": found.values, "columns_with_missing": len(found.columns)},
            limits={"missing": 0},
            remedies=OF_LABELS if array.role == "label" else OF_INPUTS,
            about=array.about,
        )
