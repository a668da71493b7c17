"""Where the rows of a batch stand in the data that they were taken from, found by their values."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nandoctor.stats import Array

KEY_COLUMNS = 24
CONSIDERED_COLUMNS = 512
COMPARED_BYTES = 1 << 22
MOST_SECONDS = 2.0
MOST_STARTS = 1000
Column = tuple[int, tuple[int, ...]]
_MIX = np.uint64(0x9E3779B97F4A7C15)
_NAN = np.uint64(0x7FF8000000000000)


@dataclass(frozen=True)
class Places:
    """The data row of each row of the batch, None for one that does not stand in the data as it was fed.

    `repeated` are the rows of the batch that stand in several places, of which the first was taken; empty where the
    whole batch stands in one piece (it was not shuffled), which tells the places apart.
    """

    rows: tuple[int | None, ...]
    repeated: tuple[int, ...] = ()


def places_of(batch: Sequence[Array], data: Sequence[Array]) -> Places:
    """The places of the batch's rows in the data, all arrays together: `batch[i]` was cut from `data[i]`.

    Values are compared as they were fed: the data is cast to the batch's dtype, NaN equals NaN. A few columns that tell
    the batch's rows apart choose the candidates; these are compared as a whole.
    """
    rows = len(batch[0])
    if not rows or not len(data[0]):
        return Places((None,) * rows)
    first_alike = _first_alike(batch)
    distinct = np.unique(first_alike)
    columns = _enough([one[distinct] for one in batch], _telling_columns(batch))
    keys = _keys([one[distinct] for one in batch], batch, columns)
    order = np.argsort(keys, kind="stable")
    found = _compared(batch, data, distinct[order], keys[order], _keys(data, batch, columns))
    candidates = [found[int(row)] for row in first_alike]
    start = _in_one_piece(candidates)
    if start is not None:
        return Places(tuple(range(start, start + rows)))
    firsts = tuple(int(one[0]) if len(one) else None for one in candidates)
    return Places(firsts, tuple(row for row, one in enumerate(candidates) if len(one) > 1))


def _first_alike(batch: Sequence[Array]) -> Array:
    """For each row of the batch, the first one with the same values."""
    seen: dict[bytes, int] = {}
    contents = [np.ascontiguousarray(one).reshape(len(one), -1) for one in batch]
    return np.array(
        [seen.setdefault(b"|".join(_content(one[row]) for one in contents), row) for row in range(len(batch[0]))]
    )


def _content(row: Array) -> bytes:
    return repr(row.tolist()).encode() if row.dtype.kind in "OSU" else row.tobytes()


def _telling_columns(batch: Sequence[Array]) -> list[Column]:
    """At most 24 columns (array, index in a row), those with the most different values in the batch first."""
    found: list[tuple[int, int, tuple[int, ...]]] = []
    for place, one in enumerate(batch):
        width = int(np.prod(one.shape[1:], dtype=np.int64))
        for column in np.unique(np.linspace(0, width - 1, min(width, CONSIDERED_COLUMNS)).astype(np.int64)):
            index = tuple(int(axis) for axis in np.unravel_index(column, one.shape[1:])) if one.ndim > 1 else ()
            found.append((len(set(_at(one, index).tolist())), place, index))
    found.sort(key=lambda entry: -entry[0])
    return [(place, index) for _, place, index in found[:KEY_COLUMNS]]


def _enough(batch: Sequence[Array], columns: Sequence[Column]) -> Sequence[Column]:
    """The first of the columns that tell all rows apart, and one more; all of them where they do not."""
    for count in range(1, len(columns)):
        if len(np.unique(_keys(batch, batch, columns[:count]))) == len(batch[0]):
            return columns[: count + 1]
    return columns


def _keys(arrays: Sequence[Array], as_in: Sequence[Array], columns: Sequence[Column]) -> Array:
    """A number for each row, the same for rows that are equal in these columns."""
    keys = np.zeros(len(arrays[0]), np.uint64)
    for place, index in columns:
        keys ^= _bits(_column(arrays[place], index, as_in[place]))
        keys *= _MIX
        keys ^= keys >> np.uint64(29)
    return keys


def _column(array: Array, index: tuple[int, ...], fed: Array) -> Array:
    """One column, as it was fed. The array may have an axis of length 1 more or less than what was fed."""
    if array.shape[1:] == fed.shape[1:]:
        return _as_fed(_at(array, index), fed)
    flat = np.ravel_multi_index(index, fed.shape[1:]) if index else 0
    own = tuple(int(axis) for axis in np.unravel_index(int(flat), array.shape[1:])) if array.ndim > 1 else ()
    return _as_fed(_at(array, own), fed)


def _at(array: Array, index: tuple[int, ...]) -> Array:
    """One place of each row."""
    place: Any = (slice(None), *index)
    values: Array = array[place]
    return values


def _as_fed(values: Array, fed: Array) -> Array:
    if fed.dtype.kind in "OSU" or values.dtype.kind in "OSU":
        return np.array([one.encode() if isinstance(one, str) else one for one in values.ravel()], object).reshape(
            values.shape
        )
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(fed.dtype, copy=False)


def _bits(values: Array) -> Array:
    """Values as whole numbers: equal for equal values, one for all NaN."""
    if values.dtype.kind == "O":
        return np.array([hash(one) & 0xFFFFFFFFFFFFFFFF for one in values.tolist()], np.uint64)
    if values.dtype.kind in "iub":
        return values.astype(np.uint64)
    wide = values.astype(np.float64) + 0.0
    bits = wide.view(np.uint64)
    nan = np.isnan(wide)
    if nan.any():
        bits[nan] = _NAN
    return bits


def _compared(
    batch: Sequence[Array], data: Sequence[Array], rows: Array, keys: Array, data_keys: Array
) -> dict[int, Array]:
    """The data rows that equal each of the batch's `rows` (whose sorted `keys` these are), ascending."""
    nearest = np.searchsorted(keys, data_keys).clip(max=len(keys) - 1)
    candidates = np.flatnonzero(keys[nearest] == data_keys)
    first = np.searchsorted(keys, data_keys[candidates], side="left")
    count = np.searchsorted(keys, data_keys[candidates], side="right") - first
    started, row_bytes = time.monotonic(), sum(max(1, one[:1].nbytes) for one in batch)
    equal: list[tuple[Array, Array]] = []
    for offset in range(int(count.max(initial=0))):
        several = candidates[count > offset]
        own = rows[(first + offset)[count > offset]]
        step = max(1, COMPARED_BYTES // row_bytes)
        for begin in range(0, len(several), step):
            some, of = several[begin : begin + step], own[begin : begin + step]
            same = np.ones(len(some), bool)
            for fed, whole in zip(batch, data, strict=True):
                same &= _equal_rows(fed[of], _as_fed(whole[some], fed))
            equal.append((of[same], some[same]))
            if time.monotonic() - started > MOST_SECONDS:
                return _by_row(rows, equal)
    return _by_row(rows, equal)


def _by_row(rows: Array, equal: Sequence[tuple[Array, Array]]) -> dict[int, Array]:
    owners = np.concatenate([np.array([], np.int64), *(one for one, _ in equal)])
    places = np.concatenate([np.array([], np.int64), *(one for _, one in equal)])
    return {int(row): np.sort(places[owners == row]) for row in rows}


def same_rows(batch: Array, data: Array) -> bool:
    """Whether the batch holds these rows of the data, as they would be fed, one for one."""
    return bool(_equal_rows(batch, _as_fed(data, batch)).all())


def _equal_rows(one: Array, other: Array) -> Array:
    one, other = one.reshape(len(one), -1), other.reshape(len(other), -1)
    same: Array = np.asarray(one == other, bool)
    whole: Array = np.asarray(same.all(axis=1))
    if one.dtype.kind not in "iubOSU" and not whole.all():
        rest = np.flatnonzero(~whole)
        both_nan = np.isnan(one[rest].astype(np.float32)) & np.isnan(other[rest].astype(np.float32))
        whole[rest] = (same[rest] | both_nan).all(axis=1)
    return whole


def _in_one_piece(candidates: Sequence[Array]) -> int | None:
    """Where the whole batch stands row after row; None where it does nowhere, in several places, or is one row."""
    fewest = min(range(len(candidates)), key=lambda row: len(candidates[row]))
    if len(candidates) < 2 or not 0 < len(candidates[fewest]) <= MOST_STARTS:
        return None
    starts = candidates[fewest] - fewest
    for offset, one in enumerate(candidates):
        places = np.searchsorted(one, starts + offset).clip(max=len(one) - 1)
        starts = starts[one[places] == starts + offset]
    return int(starts[0]) if len(starts) == 1 else None
