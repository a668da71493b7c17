"""What is known of some of the rows: sums of these are known of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from nandoctor.facts.data import MOST_CELLS, RejectedRow
from nandoctor.probes.data.sample import row_hashes
from nandoctor.probes.data.stream.partial_column import PartialColumn
from nandoctor.stats import Array, TensorStats


@dataclass(frozen=True)
class PartialSample:
    """The rows with the smallest hashes, ascending, at most `most` of them.

    `values` has one row for each, of shape (cells a row,), NaN for what is no number; `texts` are those of the texts,
    by row number and place in the row.
    """

    most: int
    rows: Array
    values: Array
    texts: Mapping[tuple[int, int], str] = field(default_factory=dict)

    def __add__(self, other: PartialSample) -> PartialSample:
        """The sample of both sets of rows, those of `other` coming later."""
        rows = np.concatenate([self.rows, other.rows])
        texts = {**self.texts, **other.texts}
        if len(rows) <= self.most:
            return PartialSample(self.most, rows, np.concatenate([self.values, other.values]), texts)
        kept = smallest_hashes(rows, self.most)
        own = int(np.searchsorted(kept, len(self.rows)))
        rows, values = rows[kept], np.concatenate([self.values[kept[:own]], other.values[kept[own:] - len(self.rows)]])
        if texts:
            known = set(rows.tolist())
            texts = {place: text for place, text in texts.items() if place[0] in known}
        return PartialSample(self.most, rows, values, texts)


def smallest_hashes(rows: Array, most: int) -> Array:
    """The places in `rows` (row numbers) of the `most` with the smallest hashes, ascending."""
    if len(rows) <= most:
        return np.arange(len(rows))
    return np.sort(np.argpartition(row_hashes(rows), most)[:most])


@dataclass(frozen=True)
class PartialArray:
    """Some rows of one array, or of the table (whose array is named "").

    `shape` is that of one row. `columns` are empty where there are too many; `rest` has the statistics then.
    `row_sums` as in `ArrayFacts`, None once a value was not finite.
    """

    dtype: str
    shape: tuple[int, ...]
    rows: int
    columns: tuple[PartialColumn, ...]
    rest: TensorStats | None
    sample: PartialSample | None
    row_sums: tuple[float, float] | None = None

    def __add__(self, other: PartialArray) -> PartialArray:
        """Both sets of rows, those of `other` coming later."""
        sums = None
        if self.row_sums is not None and other.row_sums is not None:
            sums = (min(self.row_sums[0], other.row_sums[0]), max(self.row_sums[1], other.row_sums[1]))
        return PartialArray(
            dtype=self.dtype if self.dtype == other.dtype else str(np.result_type(self.dtype, other.dtype)),
            shape=self.shape,
            rows=self.rows + other.rows,
            columns=tuple(a + b for a, b in zip(self.columns, other.columns, strict=True)),
            rest=None if self.rest is None or other.rest is None else self.rest + other.rest,
            sample=None if self.sample is None or other.sample is None else self.sample + other.sample,
            row_sums=sums,
        )


@dataclass(frozen=True)
class Partial:
    """Some rows of a data set: a monoid, whose sums are taken in order of the rows (`Partial()` is its zero).

    `rows` counts the rows of the file, `rejected` those of them that are no rows of the table.
    """

    arrays: Mapping[str, PartialArray] = field(default_factory=dict)
    rows: int = 0
    bytes: int = 0
    rejected: int = 0
    rejected_rows: tuple[RejectedRow, ...] = ()

    def __add__(self, other: Partial) -> Partial:
        """Both sets of rows, those of `other` coming later."""
        arrays = dict(self.arrays)
        for name, array in other.arrays.items():
            arrays[name] = arrays[name] + array if name in arrays else array
        return Partial(
            arrays,
            self.rows + other.rows,
            self.bytes + other.bytes,
            self.rejected + other.rejected,
            (*self.rejected_rows, *other.rejected_rows)[:MOST_CELLS],
        )
