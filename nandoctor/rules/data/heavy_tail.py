"""ND116: columns with a long tail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, SubjectFacts
from nandoctor.facts.meaning import identifies, skewed
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import named_columns, number


@dataclass(frozen=True)
class HeavyTail:
    """A column is so skewed that its mean and standard deviation say little about it.

    What it finds:
        Input columns whose far end is many times further from the median than the near end: incomes, counts, prices.
        After standardizing, the bulk lies in a small fraction of one standard deviation and the tail at tens of them.

    Evidence:
        The ratio of the distances from the median to the 99th and to the 1st percentile, the longer by the shorter.

    Limit and source:
        `ratio` 20: a symmetric column has 1, an exponential one 5.7, a lognormal one exp(2.33 sigma): 10 at sigma 1,
        20 at sigma 1.3, from where on the standard deviation is more than twice the mean.

    Remedy:
        `np.log1p` for values that are never negative, else a signed root or ranks; standardize afterwards.

    When it is fine:
        Often, which is why it is a note. Columns whose middle half is one value, pixels, ids, and inputs that are
        looked up in an embedding or squashed before the first kernel are not judged.

    Example:
        x = np.random.default_rng(0).lognormal(sigma=2.0, size=(512, 2))
    """

    code: ClassVar[str] = "ND116"
    cause: ClassVar[str] = "heavy-tail"
    title: ClassVar[str] = "Heavy-tailed column"

    ratio: float = 20.0

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One note for each input array with such columns."""
        for array in data.inputs:
            entry = subject.input_named(array.bound_to) if subject else None
            if array.image_like or (entry is not None and not entry.reaches_kernel(0.0)):
                continue
            found = [(column, ratio) for column in array.columns if (ratio := self._ratio(array, column)) is not None]
            if found:
                yield self._explain(data, array, found)

    def _ratio(self, array: ArrayFacts, column: ColumnFacts) -> float | None:
        return None if identifies(array, column) else skewed(column, self.ratio)

    def _explain(self, data: DataFacts, array: ArrayFacts, found: list[tuple[ColumnFacts, float]]) -> Finding:
        worst, ratio = max(found, key=lambda entry: entry[1])
        names = [column.name for column, _ in found]
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note",
            title=self.title,
            message=(
                f"{len(names):,} of {len(array.columns):,} columns of input {array.name!r} have a long tail "
                f"({named_columns(names)}): in column {worst.name} one end (1st to 99th percentile "
                f"{number(worst.quantile(0.01))}..{number(worst.quantile(0.99))}) is {number(ratio)} times as far from "
                f"the median {number(worst.quantile(0.5))} as the other (limit {number(self.ratio)})."
            ),
            location=data.location(names[:16]),
            evidence={"ratio": ratio, "median": worst.quantile(0.5), "columns": len(names)},
            limits={"ratio": self.ratio},
            remedies=(Remedy("log1p", "Take log1p of what is never negative, then standardize"),),
            about=array.about,
        )
