"""ND121: a split that lies outside what was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, SplitFacts
from nandoctor.facts.data import QUANTILE_LEVELS
from nandoctor.facts.meaning import date_code, identifies
from nandoctor.finding import Finding, Remedy, Severity
from nandoctor.wording import listing, number


@dataclass(frozen=True)
class _Shift:
    """A column of a split, the share of its values that training never saw (at least), and which."""

    column: ColumnFacts
    share: float
    what: str
    expected: bool


@dataclass(frozen=True)
class SplitRangeShift:
    r"""Values of another split lie outside the range of the training split, or its categories were never seen.

    What it finds:
        Columns of which more than a hundredth of the validation values are below the smallest or above the largest
        training value, or are texts that the training split does not have. The model extrapolates there; a
        table that looks them up has no entry.

    Evidence:
        The share outside (exact where fewer than 16 cells are out on a side, else what the quantiles prove at least),
        both ranges; the unseen texts.

    Limit and source:
        `share` 1 %: of n training values of the same distribution, a new one lies outside with a probability of
        2 / (n + 1), below 1 % from 200 rows on. With fewer rows the limit is three times that probability.

    Remedy:
        Split at random, or by groups that cover the range; look for a change of unit; give lookups an
        out-of-vocabulary slot (`num_oov_indices=1`).

    When it is fine:
        Splits in time shift dates and ids by construction: a note. Else it is a warning.

    Example:
        csv = "width\n" + "".join(f"{row / 256}\n" for row in range(256))
        csv_val = "width\n" + "".join(f"{row / 100}\n" for row in range(256))
    """

    code: ClassVar[str] = "ND121"
    cause: ClassVar[str] = "split-range-shift"
    title: ClassVar[str] = "Split outside the training range"

    share: float = 0.01

    def check(self, data: DataFacts) -> Iterator[Finding]:
        """One finding for each array of each other split that lies outside."""
        for split in data.splits:
            trained = {array.name: array for array in (*data.inputs, *data.labels)}
            for array in split.arrays:
                if array.name in trained:
                    yield from self._compare(data, trained[array.name], split, array)

    def _compare(self, data: DataFacts, seen: ArrayFacts, split: SplitFacts, array: ArrayFacts) -> Iterator[Finding]:
        known = {column.name: column for column in seen.columns}
        found = [
            shift
            for column in array.columns
            if column.name in known
            for shift in (self._numbers(seen, known[column.name], column), self._texts(known[column.name], column))
            if shift is not None
        ]
        if found:
            worst = max(found, key=lambda shift: (not shift.expected, shift.share))
            severity: Severity = "note" if worst.expected else "warning"
            names = list(dict.fromkeys(shift.column.name for shift in found))
            yield Finding(
                rule=self.code,
                cause=self.cause,
                severity=severity,
                title=self.title,
                message=(
                    f"{len(names):,} of {len(array.columns):,} columns of {array.role} {array.name!r} in split "
                    f"{split.name} ({listing(names)}) lie outside what split {data.split or 'train'} has: in "
                    f"{worst.column.name} {worst.what} (limit {number(100 * self.share)} %)."
                ),
                location=data.location(names[:16]),
                evidence={"share": worst.share, "columns": len(names), "split": split.name},
                limits={"share": self.share},
                remedies=(Remedy("split-anew", "Split at random or by groups; check that the units agree"),),
                about=f"split:{split.name}:{array.name}",
            )

    def _numbers(self, array: ArrayFacts, seen: ColumnFacts, column: ColumnFacts) -> _Shift | None:
        low, high = seen.stats.minimum, seen.stats.maximum
        if low is None or high is None or not column.stats.finite:
            return None
        share = _share_outside(column, low, high)
        if share <= max(self.share, 6 / (seen.stats.finite + 1)):
            return None
        lies = f"{number(column.stats.minimum or 0.0)}..{number(column.stats.maximum or 0.0)}"
        what = f"at least {share:.1%} of the values, which lie in {lies}, are outside {number(low)}..{number(high)}"
        expected = identifies(array, seen) or identifies(array, column) or date_code(seen) is not None
        return _Shift(column, share, what, expected)

    def _texts(self, seen: ColumnFacts, column: ColumnFacts) -> _Shift | None:
        known = {text for text, _ in seen.token_counts}
        # Eight are listed: of a column with more it is not known which texts it lacks.
        if not column.non_numeric or len(known) >= 8:
            return None
        new = {text: count for text, count in column.token_counts if text not in known}
        share = sum(new.values()) / (column.stats.count + column.non_numeric)
        if share <= self.share:
            return None
        return _Shift(column, share, f"{share:.1%} of the cells are texts never seen: {listing(list(new))}", False)


def _share_outside(column: ColumnFacts, low: float, high: float) -> float:
    """The share of the values outside low..high that the known cells and the quantiles prove."""
    cells, exact = column.outside(low, high)
    counted = len(cells) / column.stats.finite
    if exact or not column.quantiles:
        return counted
    above = max((1 - level for level in QUANTILE_LEVELS if column.quantile(level) > high), default=0.0)
    below = max((level for level in QUANTILE_LEVELS if column.quantile(level) < low), default=0.0)
    return min(max(counted, above + below), 1.0)
