"""ND115: rows that occur more than once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import DataFacts
from nandoctor.facts.rows import combinations, sampled
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing, number


@dataclass(frozen=True)
class DuplicateRows:
    r"""The same row, inputs and labels alike, is there several times.

    What it finds:
        Rows that equal an earlier one in every cell. Copies weigh more in the loss, and a random split puts them on
        both sides, so that the validation score is too good.

    Evidence:
        The share of copies among the sampled rows (all rows, up to 8,192) and the first of them.

    Limit and source:
        `share` 1 %: below, a few coincidences of rounded measurements are usual (Fisher's iris data has 0.7 %).
        `room` 10: where the columns' distinct values could make fewer than ten times as many different rows as there
        are, repetition is to be expected and is not reported.

    Remedy:
        Drop the copies before splitting, or keep all copies of a row on one side of the split.

    When it is fine:
        When the world repeats itself (counts, categories). That is why it is a note.

    Example:
        x = np.tile(np.random.default_rng(0).normal(size=(40, 3)), (2, 1))
    """

    code: ClassVar[str] = "ND115"
    cause: ClassVar[str] = "duplicate-rows"
    title: ClassVar[str] = "Duplicate rows"

    share: float = 0.01
    room: float = 10.0

    def check(self, data: DataFacts) -> Iterator[Finding]:
        """At most one note for the data set."""
        arrays = (*data.inputs, *data.labels)
        rows = sampled(data.sample, arrays)
        if rows is None or combinations(arrays) < self.room * data.rows:
            return
        # Rows that are copies are so in each column: one column of different values settles it without the others.
        if any(len(values) - len(set(values)) <= self.share * len(values) for values in rows.columns.values()):
            return
        keys = rows.keys()
        counts = Counter(keys)
        copies = len(keys) - len(counts)
        if copies <= self.share * len(keys):
            return
        repeated = [row for row, key in zip(rows.numbers, keys, strict=True) if counts[key] > 1]
        yield Finding(
            rule=self.code,
            cause=self.cause,
            severity="note",
            title=self.title,
            message=(
                f"{copies:,} of {len(keys):,} {'sampled ' if len(keys) < data.rows else ''}rows repeat another one in "
                f"every cell: {number(100 * copies / len(keys))} % (limit {number(100 * self.share)} %); rows "
                f"that occur "
                f"more than once are {listing(repeated)}."
            ),
            location=data.rows_at(repeated[:16]),
            evidence={"copies": copies, "rows": len(keys), "share": copies / len(keys)},
            limits={"share": self.share, "room": self.room},
            remedies=(Remedy("drop-copies", "Drop the copies before splitting the data"),),
            about="rows:duplicate",
        )
