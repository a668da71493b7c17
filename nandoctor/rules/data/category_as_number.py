"""ND124: codes and dates that are fed as quantities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import DataFacts, SubjectFacts
from nandoctor.facts.meaning import MOST_CODES, category_codes, date_code
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing


@dataclass(frozen=True)
class CategoryAsNumber:
    r"""Whole numbers stand for categories or dates, and would be fed as quantities.

    What it finds:
        Columns of few different whole numbers that are named as a category (`region`, `zip_code`, `type`), and columns
        named as a date that hold yyyymmdd or Unix times. To a kernel, region 8 is twice region 4, and 20240101 is
        8,870 days after 20231231.

    Evidence:
        The columns, and what they were taken for.

    Limit and source:
        The name and the values together: at most `values` (100) different whole numbers, each five times on average;
        for dates all known cells are valid ones. Numbers alone do not tell a code from a count.

    Remedy:
        `keras.layers.IntegerLookup(output_mode="one_hot")` or an `Embedding`; for dates the days since a fixed one,
        and month and weekday as categories.

    When it is fine:
        When the codes are ordered, or a lookup layer is in front of them. With a model, only inputs that reach a kernel
        are reported. It is a note.

    Example:
        csv = "region,width\n" + "".join(f"{row % 7},{row / 64}\n" for row in range(64))
    """

    code: ClassVar[str] = "ND124"
    cause: ClassVar[str] = "category-as-number"
    title: ClassVar[str] = "Categories or dates as numbers"

    values: int = MOST_CODES

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One note for each input array with such columns."""
        for array in data.inputs:
            entry = subject.input_named(array.bound_to) if subject else None
            if entry is not None and not entry.reaches_kernel(0.0):
                continue
            found: dict[str, str] = {}
            for column in array.columns:
                codes = category_codes(array, column) if (column.distinct or 0) <= self.values else None
                meaning = codes or date_code(column)
                if meaning is not None:
                    found[column.name] = meaning
            if not found:
                continue
            name = next(iter(found))
            yield Finding(
                rule=self.code,
                cause=self.cause,
                severity="note",
                title=self.title,
                message=(
                    f"{len(found):,} of {len(array.columns):,} columns of input {array.name!r} look like codes "
                    f"or dates "
                    f"({listing(list(found))}): {name} holds {found[name]} (limit {self.values} values). An "
                    f"IntegerLookup "
                    "or Embedding layer takes codes; a kernel takes them for quantities."
                ),
                confidence="low",
                location=data.location(list(found)[:16]),
                evidence={"columns": len(found), "meaning": found[name]},
                limits={"values": self.values},
                remedies=(Remedy("integer-lookup", "Encode codes one-hot; split dates into days, month and weekday"),),
                about=array.about,
            )
