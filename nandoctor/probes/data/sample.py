"""A sample of rows that does not depend on how the rows are read."""

from __future__ import annotations

import numpy as np

from nandoctor.stats import Array

SAMPLE_ROWS = 8192


def sampled_rows(rows: int, most: int = SAMPLE_ROWS) -> Array:
    """The row numbers with the smallest hashes, ascending: all of them up to `most`.

    The hash is of the row number alone (SplitMix64, Steele, Lea and Flood 2014), so that any batching, and any
    engine that reads the same rows, keeps the same sample.
    """
    numbers = np.arange(rows, dtype=np.uint64)
    if rows <= most:
        return numbers.astype(np.int64)
    hashed = row_hashes(numbers)
    return np.sort(np.argpartition(hashed, most)[:most]).astype(np.int64)


def row_hashes(numbers: Array) -> Array:
    """SplitMix64 of row numbers, as uint64."""
    hashed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    hashed = (hashed ^ (hashed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashed ^ (hashed >> np.uint64(31))
