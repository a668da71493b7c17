"""Rows of different lengths, and rows picked out of any array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nandoctor.stats import Array


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths: row i is `values[row_splits[i]:row_splits[i + 1]]` (as tf.RaggedTensor)."""

    values: Array
    row_splits: Array

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.row_splits) - 1

    def row_of(self, place: int) -> int:
        """The row that holds `values[place]`."""
        return int(np.searchsorted(self.row_splits, place, side="right")) - 1


def uniform(array: Array) -> Ragged:
    """The rows of a dense array of at least two axes as ragged rows of one length."""
    rows, length = array.shape[:2]
    return Ragged(array.reshape(rows * length, *array.shape[2:]), np.arange(rows + 1, dtype=np.int64) * length)


def take(fed: Array | Ragged, rows: Sequence[int] | range) -> Array | Ragged:
    """Those rows, in that order; a range of adjacent rows of a dense array is a view."""
    if not isinstance(fed, Ragged):
        adjacent = isinstance(rows, range) and rows.step == 1
        return fed[rows[0] : rows[-1] + 1] if adjacent and rows else fed[np.asarray(rows, dtype=np.int64)]
    chosen = np.asarray(rows, dtype=np.int64)
    starts, ends = fed.row_splits[chosen], fed.row_splits[chosen + 1]
    places = [np.arange(start, end) for start, end in zip(starts, ends, strict=True)]
    splits = np.concatenate([[0], np.cumsum(ends - starts)]).astype(np.int64)
    return Ragged(fed.values[np.concatenate([*places, np.array([], np.int64)]).astype(np.int64)], splits)
