"""ND104: text where numbers belong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts
from nandoctor.finding import Finding, Location, Remedy, Scalar, Severity
from nandoctor.wording import listing, plural


@dataclass(frozen=True)
class NonNumericData:
    r"""A column holds text, or a row has another number of cells than the header.

    What it finds:
        Cells of text among numbers (`?`, `n/a`, `1,5`), columns of unencoded categories, and rows of the file that are
        no rows of the table: too long, too short, cut off, in another encoding. A reader either fails on them, or
        turns them into NaN or the whole column into text, without a word.

    Evidence:
        The exact number of such cells in each column, the first ones with row, line and text as written; the
        rejected rows with their lines and the reason.

    Limit and source:
        One cell, one row: more than `cells` (0) of them. `numeric_share` 0.5: where less than half of the filled cells
        are numbers, the column is one of categories, and text in it is no fault.

    Remedy:
        Correct the cells, or read what stands for a missing value as missing (`na_values` in pandas). Categories
        go through `keras.layers.StringLookup(output_mode="one_hot")`.

    When it is fine:
        Columns of categories that a lookup layer stands in front of, and columns that feed nothing: a note. Text
        among numbers and rejected rows are an error.

    Example:
        csv = "width,height\n0.5,1.0\n0.25,?\n1.0,0.0\n"
    """

    code: ClassVar[str] = "ND104"
    cause: ClassVar[str] = "non-numeric-data"
    title: ClassVar[str] = "Text where numbers belong"

    cells: int = 0
    numeric_share: float = 0.5

    def check(self, data: DataFacts) -> Iterator[Finding]:
        """One finding for each array with text among numbers, one for its text columns, one for rejected rows."""
        if data.rejected_rows > self.cells:
            yield self._rejected(data)
        for array in data.arrays:
            with_text = [column for column in array.columns if column.non_numeric > self.cells]
            mixed = [column for column in with_text if _numeric_share(column) >= self.numeric_share]
            if mixed:
                yield self._mixed(data, array, mixed)
            categories = [column for column in with_text if column not in mixed]
            if categories and array.role != "unused":
                yield self._categories(data, array, categories)

    def _mixed(self, data: DataFacts, array: ArrayFacts, columns: list[ColumnFacts]) -> Finding:
        count = sum(column.non_numeric for column in columns)
        known = sorted(
            ((cell, column.name) for column in columns for cell in column.tokens), key=lambda entry: entry[0].row
        )
        first = known[0] if known else None
        where = ""
        if first is not None:
            cell, name = first
            line = f", line {cell.line} of the file" if cell.line is not None else ""
            where = f"; the first is in row {cell.row}, column {name}{line}, written {cell.text!r}"
        by_column = listing([f"{column.name} ({column.non_numeric:,})" for column in columns])
        return self._finding(
            severity="note" if array.role == "unused" else "error",
            message=(
                f"{plural(count, 'cell')} of {array.role} {array.name!r} (limit {self.cells}) {_verb(count)} text in "
                f"columns of numbers, by column: {by_column}{where}."
            ),
            location=data.location([column.name for column in columns[:16]], [cell for cell, _ in known[:16]]),
            evidence={"cells": count, "columns": len(columns), "text": str(first[0].text) if first else ""},
            about=array.about,
            remedy=Remedy(
                "read-as-missing", "Correct the cells, or read them as missing (na_values), then impute or drop"
            ),
        )

    def _categories(self, data: DataFacts, array: ArrayFacts, columns: list[ColumnFacts]) -> Finding:
        # There are no counts where nearly every cell has a text of its own: dates, names.
        texts = [text for text, _ in columns[0].token_counts] or [str(cell.text) for cell in columns[0].tokens]
        examples = list(dict.fromkeys(texts))
        more = ", ..." if len(examples) > 3 else ""
        return self._finding(
            severity="note",
            message=f"{plural(len(columns), 'column')} of {array.role} {array.name!r} {_verb(len(columns))} text: "
            f"{listing([column.name for column in columns])} ({columns[0].name} holds {listing(examples[:3])}"
            f"{more}). A model takes them through keras.layers.StringLookup, one-hot or into an Embedding.",
            location=data.location([column.name for column in columns[:16]]),
            evidence={"cells": sum(column.non_numeric for column in columns), "columns": len(columns)},
            about=array.about,
            remedy=Remedy("string-lookup", 'Put keras.layers.StringLookup(output_mode="one_hot") in front'),
        )

    def _rejected(self, data: DataFacts) -> Finding:
        first = data.rejected[0] if data.rejected else None
        told = f"; the first is in line {first.line}: {first.reason}" if first else ""
        lines = [row.line for row in data.rejected]
        are = "is no row" if data.rejected_rows == 1 else "are no rows"
        return self._finding(
            severity="error",
            message=(
                f"{plural(data.rejected_rows, 'row')} of the file (limit {self.cells}) {are} of the table: line "
                f"{listing(lines)}{told}."
            ),
            location=Location(
                file=data.path,
                line=first.line if first else None,
                phase="data",
                dataset_rows=tuple(row.row for row in data.rejected) or None,
            ),
            evidence={"rejected_rows": data.rejected_rows, "rows": data.rows},
            about=f"file:{data.path}",
            remedy=Remedy("repair-rows", "Repair the rows, or leave them out on purpose"),
        )

    def _finding(
        self,
        *,
        severity: Severity,
        message: str,
        location: Location,
        evidence: Mapping[str, Scalar],
        about: str,
        remedy: Remedy,
    ) -> Finding:
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity=severity,
            title=self.title,
            message=message,
            location=location,
            evidence=evidence,
            limits={"cells": self.cells, "numeric_share": self.numeric_share},
            remedies=(remedy,),
            about=about,
        )


def _verb(count: int) -> str:
    return "holds" if count == 1 else "hold"


def _numeric_share(column: ColumnFacts) -> float:
    """The share of numbers among the cells that are filled."""
    filled = column.stats.count - column.stats.missing + column.non_numeric
    return (filled - column.non_numeric) / filled if filled else 0.0
