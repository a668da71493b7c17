"""ND122: rows that are in two splits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import DataFacts, SplitFacts
from nandoctor.facts.rows import combinations, sampled
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing, number


@dataclass(frozen=True)
class SplitOverlap:
    r"""Rows of another split are in the training split, too.

    What it finds:
        Rows that equal a training row in every cell. The score on them is a score on the training data.

    Evidence:
        How many of the sampled rows of the split (all, up to 8,192) are among the sampled training rows, what share
        of the split that is at least, and their rows.

    Limit and source:
        `share` 1 % of the split, and `rows` 3: one or two equal rows are coincidences of rounded measurements.
        `room` 10: where the distinct values of the columns could make fewer than ten times as many different rows as
        there are, equal rows are to be expected and are not reported.

    Remedy:
        Take the rows out of one of the splits; drop duplicates before splitting.

    When it is fine:
        Never for a score that is to be trusted; when rows are coarse, they may be equal and still be different
        things. It is a warning.

    Example:
        csv = "width,height\n" + "".join(f"{row / 7:.4f},{row / 3:.4f}\n" for row in range(64))
        csv_val = csv
    """

    code: ClassVar[str] = "ND122"
    cause: ClassVar[str] = "split-overlap"
    title: ClassVar[str] = "Splits that overlap"

    share: float = 0.01
    rows: int = 3
    room: float = 10.0

    def check(self, data: DataFacts) -> Iterator[Finding]:
        """One warning for each split with rows of the training split."""
        if not data.splits:
            return
        arrays = (*data.inputs, *data.labels)
        trained = sampled(data.sample, arrays)
        if trained is None or combinations(arrays) < self.room * data.rows:
            return
        known = set(trained.keys())
        for split in data.splits:
            rows = sampled(split.sample, [array for array in split.arrays if array.role != "unused"])
            if rows is None or set(rows.columns) != set(trained.columns):
                continue
            ordered = zip(*(rows.columns[column] for column in trained.columns), strict=True)
            common = [row for row, key in zip(rows.numbers, ordered, strict=True) if key in known]
            if len(common) >= self.rows and len(common) > self.share * len(rows.numbers):
                yield self._explain(data, split, common, len(rows.numbers))

    def _explain(self, data: DataFacts, split: SplitFacts, common: list[int], rows: int) -> Finding:
        share = len(common) / rows
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning",
            title=self.title,
            message=(
                f"{len(common):,} of {rows:,} {'sampled ' if rows < split.rows else ''}rows of split "
                f"{split.name} are in "
                f"split {data.split or 'train'}, too, the same in every cell: at least {number(100 * share)} % (limit "
                f"{number(100 * self.share)} %); its rows {listing(common)}."
            ),
            location=data.rows_at(common[:16], split.path),
            evidence={"overlap": len(common), "share": share, "split": split.name},
            limits={"share": self.share, "rows": self.rows, "room": self.room},
            remedies=(Remedy("split-anew", "Drop duplicates, then split"),),
            about=f"split:{split.name}",
        )
