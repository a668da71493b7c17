"""ND105: numbers that stand for 'no value'."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts, SubjectFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import listing, named_columns, number

STORAGE_CODES = frozenset(
    {-32768.0, 32767.0, 65535.0, -2147483648.0, 2147483647.0, 4294967295.0}
    | {9.969209968386869e36, float.fromhex("0x1.fffffep+127"), float.fromhex("0x1.fffffffffffffp+1023")}
)
"""Limits of integer and floating types, and netCDF's default fill value."""

CLIPPED_AT = {"int16": {-32768.0, 32767.0}, "uint16": {65535.0}, "int32": {-2147483648.0, 2147483647.0}}
"""Where samples stored in that dtype (audio, sensors) are clipped: the value is then no code."""


@dataclass(frozen=True)
class _Sentinel:
    """A repeated extreme value of a column; `distance` is in interquartile ranges beyond the nearer quartile."""

    column: ColumnFacts
    value: float
    count: int
    distance: float


@dataclass(frozen=True)
class SentinelInData:
    """A number such as -999 or 1e20 stands for a missing value.

    What it finds:
        A value that is the extreme of its column, far outside the rest, and repeated exactly. The model takes it
        for a measurement: it moves the mean, blows up the spread, and dominates the gradient of each batch it is in.

    Evidence:
        The value, how often it occurs, its distance from the nearer quartile in interquartile ranges, the rows of
        the first ones.

    Limit and source:
        `count` 3: continuous measurements do not repeat exactly three times far outside. `distance` 5
        interquartile ranges beyond the quartiles; Tukey (1977) calls 3 "far out". A warning for values
        that are known codes: all nines (-999, 9999), powers of ten from 1e15 on (1e20), limits of a storage type,
        netCDF's fill value. Others are a note, as they can be the bound of a clipped column; so is a storage limit
        in an array of that very type.

    Remedy:
        Read the value as missing (`pandas.read_csv(..., na_values=[-999])`), then drop or impute it.

    When it is fine:
        When the value is a true measurement or a bound. Images, ids into an embedding, class ids, and columns
        whose middle half has one value are not judged; where the model squashes the value first it is a note.

    Example:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        x = np.random.default_rng(0).normal(size=(512, 2)).astype(np.float32)
        x[[3, 70, 200, 411], 1] = -999.0
    """

    code: ClassVar[str] = "ND105"
    cause: ClassVar[str] = "sentinel-in-data"
    title: ClassVar[str] = "Number that stands for a missing value"

    count: int = 3
    distance: float = 5.0

    def check(self, data: DataFacts, subject: SubjectFacts | None = None) -> Iterator[Finding]:
        """One finding for each input or regression label with repeated extremes."""
        for array in (*data.inputs, *data.labels):
            entry = subject.input_named(array.bound_to) if subject and array.role == "input" else None
            target = subject.target(array.name, array.bound_to) if subject and array.role == "label" else None
            classes = target is not None and "crossentropy" in target[0].name
            if array.image_like or classes or (entry is not None and entry.embeds):
                continue
            found = [sentinel for column in array.columns for sentinel in self._sentinels(column)]
            if found:
                largest = max(abs(sentinel.value) for sentinel in found)
                squashed = entry is not None and entry.scaled_by is None and not entry.reaches_kernel(largest)
                yield self._explain(data, array, found, squashed=squashed)

    def _sentinels(self, column: ColumnFacts) -> Iterator[_Sentinel]:
        if not column.quantiles or column.quantile(0.75) <= column.quantile(0.25):
            return
        low, high = column.quantile(0.25), column.quantile(0.75)
        repeated = {value: count for value, count in column.repeated if count >= self.count}
        known = set(repeated)
        for value, count in repeated.items():
            distance = max(low - value, value - high) / (high - low)
            if distance > self.distance and _outermost(column, value, known):
                yield _Sentinel(column, value, count, distance)

    def _explain(self, data: DataFacts, array: ArrayFacts, found: list[_Sentinel], *, squashed: bool) -> Finding:
        found = sorted(found, key=lambda sentinel: (not _is_code(sentinel.value, array.dtype), -sentinel.count))
        worst = found[0]
        code = _is_code(worst.value, array.dtype)
        cells = [
            cell
            for sentinel in found
            for cell in (*sentinel.column.lowest, *sentinel.column.highest)
            if cell.value == sentinel.value
        ]
        names = list(dict.fromkeys(sentinel.column.name for sentinel in found))
        values = list(dict.fromkeys(number(sentinel.value) for sentinel in found))
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning" if code and not squashed else "note",
            title=self.title,
            message=(
                f"{number(worst.value)} occurs {worst.count:,} times in column {worst.column.name} of {array.role} "
                f"{array.name!r} (limit {self.count}), {number(worst.distance)} interquartile ranges outside the "
                f"middle half (limit {number(self.distance)}), which lies in {number(worst.column.quantile(0.25))}.."
                f"{number(worst.column.quantile(0.75))}. Such values in all: {listing(values)}, in "
                f"{named_columns(names)}."
            ),
            confidence="high" if code else "low",
            location=data.location(names[:16], cells[:16]),
            evidence={
                "value": worst.value,
                "count": worst.count,
                "distance": worst.distance,
                "columns_with_sentinels": len(names),
            },
            limits={"count": self.count, "distance": self.distance},
            remedies=(Remedy("read-as-missing", f"Read {number(worst.value)} as missing, then drop or impute it"),),
            about=array.about,
        )


def _outermost(column: ColumnFacts, value: float, repeated: set[float]) -> bool:
    """Whether nothing but repeated values lies further out on that side."""
    upper = value > column.quantile(0.5)
    further = [cell.value for cell in (column.highest if upper else column.lowest)]
    return all(other in repeated for other in further if (other > value if upper else other < value))


def _is_code(value: float, dtype: str) -> bool:
    """Whether programs are known to write this number for 'no value' in arrays of that dtype."""
    size = abs(value)
    if value in CLIPPED_AT.get(dtype, ()):
        return False
    if value in STORAGE_CODES:
        return True
    if size >= 1e15:
        return f"{size:.6e}".startswith("1.000000e")
    digits = f"{size:.2f}".replace(".", "").rstrip("0")
    return len(digits) >= 3 and set(digits) == {"9"}
