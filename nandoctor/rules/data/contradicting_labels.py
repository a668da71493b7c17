"""ND120: equal rows with different labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, DataFacts
from nandoctor.facts.rows import Key, sampled
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing, number


@dataclass(frozen=True)
class ContradictingLabels:
    r"""Rows with the same inputs have different classes.

    What it finds:
        Rows of a classification that agree in every input and not in the label: annotators who disagreed, a lost
        column, a shuffled target. No model can be right on all of them, and a confident one has a large loss.

    Evidence:
        The share of sampled rows that have not the most frequent label of their group: the error that every model
        makes at least on these rows; the first such rows.

    Limit and source:
        `share` 1 % of the rows: label noise of that size is in the common benchmark sets (Northcutt, Athalye and
        Mueller, 2021, found 0.15 to 10 %, 3.3 % on average).

    Remedy:
        Look at the rows; correct the labels, or add the column that tells the rows apart.

    When it is fine:
        With few coarse columns the same inputs do have different outcomes (the world is random): the share is then the
        best error there is. That is why it is a note. Regression targets are not judged.

    Example:
        x = np.repeat(np.random.default_rng(0).normal(size=(40, 3)), 2, axis=0)
        y = np.tile([0, 1], 40)
    """

    code: ClassVar[str] = "ND120"
    cause: ClassVar[str] = "contradicting-labels"
    title: ClassVar[str] = "Same inputs, different labels"

    share: float = 0.01

    def check(self, data: DataFacts) -> Iterator[Finding]:
        """At most one note for each label of classes."""
        features = sampled(data.sample, data.inputs)
        for label in data.labels:
            targets = sampled(data.sample, (label,))
            if features is None or targets is None or not _of_classes(label):
                continue
            groups: dict[Key, Counter[Key]] = {}
            for inputs, classes in zip(features.keys(), targets.keys(), strict=True):
                if None not in inputs and None not in classes:
                    groups.setdefault(inputs, Counter())[classes] += 1
            wrong = sum(counts.total() - max(counts.values()) for counts in groups.values())
            rows = len(features.numbers)
            if wrong <= self.share * rows:
                continue
            torn = {inputs for inputs, counts in groups.items() if len(counts) > 1}
            places = [row for row, key in zip(features.numbers, features.keys(), strict=True) if key in torn]
            yield Finding(
                rule=self.code,
                cause=self.cause,
                severity="note",
                title=self.title,
                message=(
                    f"{len(places):,} of {rows:,} {'sampled ' if rows < data.rows else ''}rows have the same inputs as "
                    f"another one and different labels {label.name!r}; any model is wrong on at least {wrong:,} "
                    f"of them, "
                    f"{number(100 * wrong / rows)} % of the rows (limit {number(100 * self.share)} %): rows "
                    f"{listing(places)}."
                ),
                location=data.rows_at(places[:16]),
                evidence={"share": wrong / rows, "wrong": wrong, "rows": rows},
                limits={"share": self.share},
                remedies=(Remedy("correct-labels", "Correct the labels, or add what tells the rows apart"),),
                about=label.about,
            )


def _of_classes(label: ArrayFacts) -> bool:
    """Whether the label names classes: texts, one-hot rows, or at most 20 different whole numbers."""
    if any(column.non_numeric for column in label.columns):
        return True
    few = all(column.integral and column.distinct is not None and column.distinct <= 20 for column in label.columns)
    return bool(label.columns) and few
