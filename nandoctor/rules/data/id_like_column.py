"""ND118: columns that number the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ColumnFacts, DataFacts, SubjectFacts
from nandoctor.facts.meaning import identifies
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing, plural


@dataclass(frozen=True)
class IdLikeColumn:
    r"""A column is an id: it has another value in every row.

    What it finds:
        Whole numbers that never repeat and either count the rows (0, 1, 2 ... in any order) or are named as an id. They
        say nothing about a new row; a network learns the training rows by heart with them, and their
        magnitude grows with the data.

    Evidence:
        The columns with their range.

    Limit and source:
        No value occurs twice: more than `repeats` (0) would clear it. At least 20 rows, since fewer differ by chance.
        All values are compared up to 1,000 different ones and up to `compared` (8,192) rows, beyond that the 16 lowest
        and the 16 highest.

    Remedy:
        Leave the column out. An id that comes again in new data (a user, a product) goes through
        `keras.layers.IntegerLookup` or `Hashing` into an `Embedding`.

    When it is fine:
        When it is not fed, which is not known without a model: hence a note. With a model, only inputs that reach a
        kernel are reported. An order in time (a year, an hour) repeats, or starts elsewhere than 0 or 1.

    Example:
        csv = "id,width\n" + "".join(f"{1000 + 7 * row},{row % 5 / 10}\n" for row in range(64))
    """

    code: ClassVar[str] = "ND118"
    cause: ClassVar[str] = "id-like-column"
    title: ClassVar[str] = "Column that numbers the rows"

    repeats: int = 0
    compared: int = 8192

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One note for each input array with such columns."""
        for array in data.inputs:
            entry = subject.input_named(array.bound_to) if subject else None
            if entry is not None and not entry.reaches_kernel(0.0):
                continue
            columns = [column for column in array.columns if identifies(array, column)]
            if not columns:
                continue
            names = [column.name for column in columns]
            first = columns[0].stats
            yield Finding(
                rule=self.code,
                cause=self.cause,
                severity="note",
                title=self.title,
                message=(
                    f"{plural(len(names), 'column')} of input {array.name!r} with {self._unlike(columns)}: "
                    f"{listing(names)}; {names[0]} lies in {first.minimum or 0:.0f}..{first.maximum or 0:.0f}. Leave "
                    f"ids out, or look them up in an Embedding."
                ),
                location=data.location(names[:16]),
                evidence={"columns": len(names), "rows": first.finite, "repeats": 0},
                limits={"repeats": self.repeats, "compared": self.compared},
                remedies=(Remedy("drop-column", "Leave the id out, or put IntegerLookup and Embedding in front"),),
                about=array.about,
            )

    def _unlike(self, columns: Sequence[ColumnFacts]) -> str:
        """What was seen of the values' being different, and in how many of them."""
        rows = columns[0].stats.finite
        if all(column.distinct is not None or column.stats.finite <= self.compared for column in columns):
            return f"another whole number in each of {rows:,} rows ({self.repeats} repeated)"
        return (
            f"whole numbers that number the rows or are named as an id; of {rows:,} rows the lowest and the highest "
            f"values were compared, not all, and none of these comes twice ({self.repeats} repeated)"
        )
