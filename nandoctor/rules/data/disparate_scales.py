"""ND108: input columns on very different scales."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import number


@dataclass(frozen=True)
class DisparateScales:
    """The columns of one input spread over scales that differ by orders of magnitude.

    What it finds:
        Varying columns of one array whose spreads differ by more than a thousand, with nothing in front of the first
        kernel that rescales them. The learning rate that suits the wide column leaves the weights of the
        narrow one where they are; the rate that suits the narrow one makes the wide one diverge.

    Evidence:
        The widest and the narrowest column with their spreads, and the ratio. The spread is the standard deviation, or
        the distance from the 1st to the 99th percentile where that is smaller, so that one stray cell does
        not count.

    Limit and source:
        `ratio` 1e3: the condition number of the first layer's curvature is about the square of it, 1e6, and
        gradient descent needs about that many steps (LeCun et al., Efficient BackProp, 1998).

    Remedy:
        Standardize each column: `keras.layers.Normalization()` as first layer, adapted to the training data.

    When it is fine:
        With a scaling layer in front, and with ids into an embedding: not reported. Constant columns and columns of
        two values (one-hot, indicators) are not compared. In images it is a note. Without a model, whole
        numbers are not compared: they may be ids.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        x = (np.random.default_rng(0).normal(size=(64, 2)) * [0.01, 50.0]).astype(np.float32)
    """

    code: ClassVar[str] = "ND108"
    cause: ClassVar[str] = "disparate-scales"
    title: ClassVar[str] = "Columns on very different scales"

    ratio: float = 1e3

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One finding for each input array whose columns' spreads differ by more than the limit."""
        for array in data.inputs:
            entry = subject.input_named(array.bound_to) if subject else None
            columns = sorted(
                (
                    column
                    for column in array.columns
                    if _spread(column) > 0.0
                    and not (column.distinct is not None and column.distinct <= 2)
                    and not (entry is None and column.integral)
                ),
                key=_spread,
            )
            if len(columns) < 2 or _spread(columns[-1]) / _spread(columns[0]) <= self.ratio:
                continue
            if entry is None or entry.reaches_kernel(_spread(columns[-1])):
                yield self._explain(data, array, columns[0], columns[-1], known=entry is not None)

    def _explain(
        self, data: DataFacts, array: ArrayFacts, narrow: ColumnFacts, wide: ColumnFacts, *, known: bool
    ) -> Finding:
        ratio = _spread(wide) / _spread(narrow)
        without = "" if known else " No model was given: a scaling layer would make this harmless."
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="note" if array.image_like else "warning",
            title=self.title,
            message=(
                f"The columns of input {array.name!r} spread over scales that differ by a factor of {number(ratio)} "
                f"(limit {number(self.ratio)}): column {wide.name} by {number(_spread(wide))}, "
                f"column {narrow.name} by {number(_spread(narrow))}.{without}"
            ),
            confidence="high" if known else "medium",
            location=data.location([wide.name, narrow.name]),
            evidence={
                "ratio": ratio,
                "widest": wide.name,
                "widest_spread": _spread(wide),
                "narrowest": narrow.name,
                "narrowest_spread": _spread(narrow),
            },
            limits={"ratio": self.ratio},
            remedies=(Remedy("standardize-columns", "Put keras.layers.Normalization() in front of the first kernel"),),
            about=array.about,
        )


def _spread(column: ColumnFacts) -> float:
    """Standard deviation, or the 1st to 99th percentile where that is smaller and not 0; 0 for a constant column."""
    if column.stats.constant:
        return 0.0
    middle = column.quantile(0.99) - column.quantile(0.01) if column.quantiles else 0.0
    return min(column.stats.std, middle) if middle > 0.0 else column.stats.std
