"""ND114: classes of very different size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, DataFacts, HeadFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import number


@dataclass(frozen=True)
class _Counts:
    """Rows of the largest class and (at most) of the smallest, their names, and how many classes there are."""

    largest: int
    smallest: float
    largest_name: str
    smallest_name: str
    classes: int
    exact: bool


@dataclass(frozen=True)
class ClassImbalance:
    """One class has more than a hundred times the rows of another.

    What it finds:
        Labels of a classification whose largest class is far larger than the smallest that occurs. Many batches then
        hold no row of the small class, and a model that never names it scores well.

    Evidence:
        The largest and the smallest class with their counts and the ratio; beyond eight classes the average of the
        rarer ones, which the smallest cannot exceed (so the ratio is a lower bound).

    Limit and source:
        `ratio` 100, the usual bound to "severe" imbalance (He and Garcia, Learning from Imbalanced Data, 2009, name 100
        to 1 and beyond).

    Remedy:
        `class_weight` in `model.fit`, a focal loss, or sampling; judge by precision and recall, not accuracy.

    When it is fine:
        When the imbalance is that of the world and the metric accounts for it. It is always a note. Ids that are no
        class of the head are not counted (they are labels-out-of-range). Without a model, only whole-number labels of
        at most `classes` different values are taken for classes.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
        x = np.random.default_rng(0).normal(size=(512, 2)).astype(np.float32)
        y = np.zeros((512, 1), np.float32)
        y[:2] = 1
        loss = "binary_crossentropy"
    """

    code: ClassVar[str] = "ND114"
    cause: ClassVar[str] = "class-imbalance"
    title: ClassVar[str] = "Class imbalance"

    ratio: float = 100.0
    classes: int = 20

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One note for each label array whose classes differ by more than the ratio."""
        for array in data.labels:
            target = subject.target(array.name, array.bound_to) if subject else None
            if subject is not None and (target is None or "crossentropy" not in target[0].name):
                continue
            head = target[1] if target is not None else None
            counts = _one_hot_counts(array) or _id_counts(array, _classes(head))
            if counts is None or (subject is None and counts.classes > self.classes):
                continue
            if counts.largest > self.ratio * counts.smallest:
                yield self._explain(data, array, counts)

    def _explain(self, data: DataFacts, array: ArrayFacts, counts: _Counts) -> Finding:
        ratio = counts.largest / counts.smallest
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note",
            title=self.title,
            message=(
                f"Class {counts.largest_name} has {counts.largest:,} rows of labels {array.name!r}, "
                f"{counts.smallest_name} {'has' if counts.exact else 'have on average'} {number(counts.smallest)}: "
                f"{'' if counts.exact else 'at least '}{number(ratio)} to 1 (limit {number(self.ratio)}) among "
                f"{counts.classes:,} classes."
            ),
            location=data.location([column.name for column in array.columns[:16]]),
            evidence={
                "ratio": ratio,
                "largest": counts.largest,
                "smallest": counts.smallest,
                "classes": counts.classes,
            },
            limits={"ratio": self.ratio, "classes": self.classes},
            remedies=(Remedy("class-weight", "Weight the classes (class_weight in model.fit) or sample them evenly"),),
            about=array.about,
        )


def _one_hot_counts(array: ArrayFacts) -> _Counts | None:
    """Rows of each class of one-hot labels; None for anything else."""
    if array.row_sums != (1.0, 1.0) or not all(column.integral for column in array.columns):
        return None
    sizes = {column.name: round(column.stats.mean * column.stats.finite) for column in array.columns}
    present = {name: size for name, size in sizes.items() if size > 0}
    if len(present) < 2:
        return None
    largest, smallest = max(present, key=lambda name: present[name]), min(present, key=lambda name: present[name])
    return _Counts(present[largest], present[smallest], largest, f"class {smallest}", len(present), True)


def _classes(head: HeadFacts | None) -> int | None:
    """How many classes a head tells apart, two where it has one unit; None where that is not known."""
    return None if head is None or head.units is None else max(head.units, 2)


def _id_counts(array: ArrayFacts, classes: int | None) -> _Counts | None:
    """Rows of each class of a single column of class ids; None for anything else.

    Ids that are no class of the head (labels-out-of-range names them) are not counted.
    """
    if len(array.columns) != 1:
        return None
    column = array.columns[0]
    if not column.integral or column.distinct is None or column.distinct < 2 or not column.repeated:
        return None
    repeated = [(value, count) for value, count in column.repeated if classes is None or 0 <= value < classes]
    if not repeated:
        return None
    value, largest = repeated[0]
    rarer = column.distinct - len(column.repeated)
    left = column.stats.finite - sum(count for _, count in column.repeated)
    if rarer > 0 and classes is not None:
        strays, complete = column.outside(0, classes - 1)
        others = [cell.value for cell in strays if cell.value not in {value for value, _ in column.repeated}]
        if not complete:
            return None
        rarer, left = rarer - len(set(others)), left - len(others)
    if rarer > 0:
        name = "the rarest class" if left == rarer else f"the {rarer:,} rarest classes"
        return _Counts(largest, left / rarer, number(value), name, len(repeated) + rarer, left == rarer)
    rarest, smallest = repeated[-1]
    return _Counts(largest, smallest, number(value), f"class {number(rarest)}", len(repeated), True)
