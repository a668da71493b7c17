"""ND117: columns that span more magnitudes than a sum of float32 can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.stats import TensorStats
from nandoctor.wording import named_columns, number


@dataclass(frozen=True)
class _Wide:
    """A column, the powers of two between its extremes, and those that hold all but 1 % of its values at each end."""

    column: ColumnFacts
    binades: int
    bulk: int


@dataclass(frozen=True)
class WideRange:
    """One column holds numbers that differ by more than forty powers of two.

    What it finds:
        Input columns whose smallest and largest magnitude other than 0 are more than twelve orders of magnitude apart.
        Whatever factor scales them, one end is lost: beside the large values the small ones are below float32's
        precision, and scaled up for the small ones the large ones overflow.

    Evidence:
        The powers of two (binades) between the extreme magnitudes, and between those that 1 % of the values other
        than 0 lie below and above.

    Limit and source:
        `binades` 40: the 24 bits of a float32 significand and 16 more, so that a value at the lower end is lost in a
        sum with one at the upper end even after it was added 2^16 times. Normal data spans about 20 in a million
        values and 30 in a thousand million.

    Remedy:
        Feed the logarithm (`np.log1p`, or sign and logarithm of the magnitude); set rounding residues such as 1e-17
        to 0.

    When it is fine:
        When the small ones are residues of a computation, in truth 0: a few of them are a note. It is a warning where
        even all but 1 % at each end span more than `binades`. Inputs that are looked up are not judged.

    Example:
        x = np.exp(np.random.default_rng(0).uniform(-40, 40, size=(512, 2)))
    """

    code: ClassVar[str] = "ND117"
    cause: ClassVar[str] = "wide-range"
    title: ClassVar[str] = "Column over too many magnitudes"

    binades: int = 40

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One finding for each input array with such columns."""
        for array in data.inputs:
            entry = subject.input_named(array.bound_to) if subject else None
            if entry is not None and not entry.reaches_kernel(0.0):
                continue
            wide = [
                _Wide(column, binades, _bulk(column.stats))
                for column in array.columns
                if (binades := column.stats.binades) is not None and binades > self.binades
            ]
            if wide:
                yield self._explain(data, array, sorted(wide, key=lambda one: -one.bulk))

    def _explain(self, data: DataFacts, array: ArrayFacts, wide: list[_Wide]) -> Finding:
        worst = wide[0]
        names = [one.column.name for one in wide]
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if worst.bulk > self.binades else "note",
            title=self.title,
            message=(
                f"{len(names):,} of {len(array.columns):,} columns of input {array.name!r} span more than "
                f"{self.binades} powers of two ({named_columns(names)}): {worst.column.name} spans {worst.binades:,}, "
                f"up to a magnitude of {number(worst.column.stats.max_abs)}; without the lowest and the highest 1 % of "
                f"its values {worst.bulk:,}."
            ),
            location=data.location(names[:16]),
            evidence={"binades": worst.binades, "bulk": worst.bulk, "columns": len(names)},
            limits={"binades": self.binades},
            remedies=(Remedy("log-magnitude", "Feed the logarithm of the magnitude, and set residues to 0"),),
            about=array.about,
        )


def _bulk(stats: TensorStats) -> int:
    """The powers of two that hold all but 1 % of the values other than 0 at each end."""
    some = (stats.finite - stats.zeros) / 100
    exponents = range(-1075, 1025)
    low = max((e for e in exponents if (stats.below(e) or 0) <= some), default=0)
    high = min((e for e in exponents if (stats.above(e) or 0) <= some), default=0)
    return max(high - 1 - low, 0)
