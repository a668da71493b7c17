"""ND123: one-hot groups in which a row has no class, or two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, DataFacts
from nandoctor.facts.meaning import one_hot_member
from nandoctor.facts.rows import Value, sampled
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing, number, plural

SEPARATORS = ("=", "_", ".", "-", " ")
SMALLEST_GROUP = 3


@dataclass(frozen=True)
class MalformedOneHot:
    r"""In nearly all rows exactly one column of a group is 1, in a few none or several are.

    What it finds:
        Columns of 0 and 1 that share the beginning of their name (`color_red`, `color_blue`), or the columns of a label
        of 0 and 1, of which nearly every row has exactly one 1. A row with none has a categorical cross-entropy of
        0 whatever the model says; one with two asks for probabilities that a softmax cannot give.

    Evidence:
        The rows of the sample whose sum is not 1, how many have none and how many several.

    Limit and source:
        `share` 99 %: where at least so many of the sampled rows sum to 1, the group is meant to be one-hot, and the
        others are errors; encodings that leave out a category (`drop_first`) or have several labels a row sum
        to something else far more often.

    Remedy:
        Encode the category again: `keras.layers.StringLookup(output_mode="one_hot")`, `pandas.get_dummies`.

    When it is fine:
        When no class is a rare class of its own. With rows that have none alone it is a note; with
        rows that have several, and in labels, a warning.

    Example:
        y = np.eye(4)[np.arange(400) % 4]
        y[17] = [1, 0, 1, 0]
        x = np.random.default_rng(0).normal(size=(400, 2))
    """

    code: ClassVar[str] = "ND123"
    cause: ClassVar[str] = "malformed-one-hot"
    title: ClassVar[str] = "One-hot rows that are none"

    share: float = 0.99

    def check(self, data: DataFacts) -> Iterator[Finding]:
        """One finding for each group with rows that do not sum to 1."""
        for array in (*data.inputs, *data.labels):
            rows = sampled(data.sample, (array,))
            if rows is None or array.row_sums == (1.0, 1.0):
                continue
            for group in _groups(array):
                columns: Mapping[str, Sequence[Value]] = {name: rows.columns[array.name, name] for name in group}
                sums = [_sum(cells) for cells in zip(*columns.values(), strict=True)]
                wrong = [(row, total) for row, total in zip(rows.numbers, sums, strict=True) if total != 1]
                if wrong and len(wrong) <= (1 - self.share) * len(sums):
                    yield self._explain(data, array, group, wrong, len(sums))

    def _explain(
        self, data: DataFacts, array: ArrayFacts, group: Sequence[str], wrong: list[tuple[int, float]], rows: int
    ) -> Finding:
        several = sum(total > 1 for _, total in wrong)
        places = [row for row, _ in wrong]
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if several or array.role == "label" else "note",
            title=self.title,
            message=(
                f"{plural(len(wrong), 'row')} of {rows:,} {'sampled ' if rows < data.rows else ''}rows of {array.role} "
                f"{array.name!r} have no 1 ({len(wrong) - several:,}) or several ({several:,}) in the one-hot columns "
                f"{listing(group)}; the others ({number(100 * (1 - len(wrong) / rows))} %, limit "
                f"{number(100 * self.share)} %) have exactly one: rows {listing(places)}."
            ),
            location=data.rows_at(places[:16], columns=group[:16]),
            evidence={"wrong": len(wrong), "several": several, "share": 1 - len(wrong) / rows},
            limits={"share": self.share},
            remedies=(Remedy("encode-again", "Encode the category again, with a class for what is unknown"),),
            about=array.about,
        )


def _groups(array: ArrayFacts) -> Iterator[tuple[str, ...]]:
    """Groups of indicator columns by the beginning of their names; of a label, all of its columns."""
    members = [column.name for column in array.columns if one_hot_member(column)]
    if array.role == "label":
        if SMALLEST_GROUP <= len(members) == len(array.columns):
            yield tuple(members)
        return
    by_name: dict[str, list[str]] = {}
    for name in members:
        separator = next((one for one in SEPARATORS if one in name.strip("".join(SEPARATORS))), None)
        if separator is not None:
            by_name.setdefault(name.rpartition(separator)[0], []).append(name)
    yield from (tuple(names) for names in by_name.values() if len(names) >= SMALLEST_GROUP)


def _sum(cells: Sequence[Value]) -> float:
    """The sum of the row; a cell without a number counts as 0."""
    return sum(cell for cell in cells if isinstance(cell, int | float))
