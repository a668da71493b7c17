"""ND110: single values far outside their column."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, DataFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import number, plural

NORMAL_IQR = 1.349
TAIL_STEP = math.log(25)


@dataclass(frozen=True)
class _Stray:
    """A column's cells beyond its bounds; `score` is the largest robust z-score."""

    column: ColumnFacts
    cells: tuple[Cell, ...]
    complete: bool
    score: float


@dataclass(frozen=True)
class Outliers:
    """A few values lie far outside everything else in their column.

    What it finds:
        Rare single cells that neither the column's spread nor its own tail explains: a slipped decimal point, a
        unit mixed up, a broken sensor. One such row can dominate the gradient of its batch.

    Evidence:
        The columns, the rows of the cells, the worst value with its robust z-score |x - median| / (IQR / 1.349),
        which for normal data is the ordinary z-score.

    Limit and source:
        `score` 20, and beyond what a power-law tail through the column's own 75th and 99th percentiles would reach
        in one of a hundred samples of that size (Weissman's extrapolated quantile, 1978), so that heavy-tailed
        columns are left alone. Measured over 1,000, 300 and 60 samples of 1e3, 1e4 and 1e5 rows, columns
        that trip: normal, exponential, lognormal (sigma 1 to 2), Poisson (0.5 to 100), gamma (0.3), Laplace: none;
        Student t(3): 0.1 % at 1e3 rows, else none; a limit on the z-score alone would trip in 60 to 100 % of lognormal
        and 16 to 100 % of t(3) samples. `share` 1 %: more is not rare. `severe` 1e4: from there on it is a warning; the
        squared gradient of that row is 1e8 times an ordinary one's.

    Remedy:
        Look at the rows. Correct or drop them, or bound the column: `np.clip(x, *np.quantile(x, [0.001, 0.999]))`.

    When it is fine:
        When the value is true and the model can bear it. Below `severe` it is a note; in images, and where the model
        squashes or looks up the value first, it is never more. A column whose middle half has one value is
        not judged. Repeated extremes are sentinel-in-data.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        x = np.random.default_rng(0).normal(size=(512, 2)).astype(np.float32)
        x[17, 1] = 1e6
    """

    code: ClassVar[str] = "ND110"
    cause: ClassVar[str] = "outliers"
    title: ClassVar[str] = "Outliers"

    score: float = 20.0
    share: float = 0.01
    severe: float = 1e4

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One finding for each input or label array with outliers."""
        for array in (*data.inputs, *data.labels):
            entry = subject.input_named(array.bound_to) if subject and array.role == "input" else None
            if entry is not None and entry.embeds:
                continue
            strays = [stray for stray in map(self._stray, array.columns) if stray is not None]
            if strays:
                worst = max(strays, key=lambda stray: stray.score)
                squashed = (
                    entry is not None
                    and entry.scaled_by is None
                    and not entry.reaches_kernel(worst.column.stats.max_abs)
                )
                yield self._explain(data, array, strays, harmless=array.image_like or squashed)

    def _stray(self, column: ColumnFacts) -> _Stray | None:
        if not column.quantiles:
            return None
        median, rows = column.quantile(0.5), column.stats.finite
        spread = column.quantile(0.75) - column.quantile(0.25)
        if spread <= 0.0:
            return None
        sigma = spread / NORMAL_IQR
        above = max(
            self.score * sigma, _reach(column.quantile(0.75) - median, column.quantile(0.99) - median, spread, rows)
        )
        below = max(
            self.score * sigma, _reach(median - column.quantile(0.25), median - column.quantile(0.01), spread, rows)
        )
        repeating = {value for value, count in column.repeated if count >= 3}
        cells, complete = column.outside(median - below, median + above)
        single = tuple(cell for cell in cells if cell.value not in repeating)
        if not single or len(single) >= self.share * rows:
            return None
        return _Stray(column, single, complete, max(abs(cell.value - median) for cell in single) / sigma)

    def _explain(self, data: DataFacts, array: ArrayFacts, strays: list[_Stray], *, harmless: bool) -> Finding:
        worst = max(strays, key=lambda stray: stray.score)
        median = worst.column.quantile(0.5)
        extreme = max(worst.cells, key=lambda cell: abs(cell.value - median))
        cells = sum(len(stray.cells) for stray in strays)
        at_least = "" if all(stray.complete for stray in strays) else "at least "
        line = f", line {extreme.line}" if extreme.line is not None else ""
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if worst.score > self.severe and not harmless else "note",
            title=self.title,
            message=(
                f"{at_least}{plural(cells, 'value')} of {array.role} {array.name!r} in {plural(len(strays), 'column')} "
                f"{'lies' if cells == 1 else 'lie'} more than {number(self.score)} robust standard deviations from the "
                f"median and beyond the column's own tail: the worst is {number(extreme.value)} in column "
                f"{worst.column.name}, row {extreme.row}{line} (median {number(median)}, robust z-score "
                f"{number(worst.score)})."
            ),
            location=data.location(
                [stray.column.name for stray in strays[:16]],
                (extreme, *(cell for stray in strays for cell in stray.cells if cell is not extreme))[:16],
            ),
            evidence={
                "score": worst.score,
                "value": extreme.value,
                "row": extreme.row,
                "median": median,
                "cells": cells,
                "share": len(worst.cells) / worst.column.stats.finite,
            },
            limits={"score": self.score, "share": self.share, "severe": self.severe},
            remedies=(
                Remedy("correct-rows", "Look at the rows; correct or drop them"),
                Remedy("bound-column", "Bound the column at quantiles of the training data"),
            ),
            about=array.about,
        )


def _reach(quarter: float, hundredth: float, spread: float, rows: int) -> float:
    """How far from the median a power law through these distances reaches in one of a hundred samples of `rows` rows.

    `quarter` and `hundredth` are the distances that 25 % and 1 % of the values exceed on that side.
    """
    inner = max(quarter, spread / 2)
    return hundredth * math.pow(max(hundredth / inner, 1.0), math.log(max(rows, 1)) / TAIL_STEP)
