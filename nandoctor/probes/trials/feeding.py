"""What a batch is fed as instead: with cells filled, with columns standardized."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.facts import ArrayFacts
from nandoctor.probes.steps.trace import Batch
from nandoctor.stats import Array

Change = Callable[[Array], Array]


def nonfinite_rows(batch: Batch) -> tuple[int, ...]:
    """The rows with a cell that is not finite, in inputs or labels."""
    found: set[int] = set()
    for value in (*batch.feeds.values(), *batch.labels.values()):
        array = _numbers(value)
        if array is not None and array.ndim:
            bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
            found.update(int(row) for row in np.flatnonzero(bad))
    return tuple(sorted(found))


def changed(batch: Batch, change: Change, about: str | None = None) -> Batch:
    """The batch with the floating arrays changed: all, or the one that `about` names (`input:x`, `label:y`).

    The only one of its role may go by another name: labels are fed under the name of their output.
    """

    def each(values: Mapping[str, Any], role: str) -> dict[str, Any]:
        wanted = (about or "").removeprefix(f"{role}:")
        alone = about is not None and about.startswith(f"{role}:") and len(values) == 1
        found = dict(values)
        for name, value in values.items():
            array = _numbers(value, whole=about is not None)
            if array is not None and (about is None or name == wanted or alone):
                found[name] = tf.constant(change(array), value.dtype)
        return found

    return replace(batch, feeds=each(batch.feeds, "input"), labels=each(batch.labels, "label"))


def imputed(values: Array) -> Array:
    """Non-finite cells as the mean of the finite ones of their column."""
    return _filled(values, ~np.isfinite(values))


def missing(value: float) -> Change:
    """The cells that hold the value as the mean of the others of their column."""
    return lambda values: _filled(values, values == np.asarray(value, values.dtype))


def bounded(values: Array) -> Array:
    """Infinite cells as the largest finite magnitude of their column."""
    finite = np.isfinite(values)
    largest = np.abs(np.where(finite, values, 0.0)).max(axis=0, keepdims=True)
    found: Array = np.where(np.isinf(values), np.sign(values) * largest, values)
    return found


def standardized(facts: ArrayFacts | None) -> Change:
    """Columns with mean 0 and standard deviation 1, by the statistics of the whole data where they are known."""

    def change(values: Array) -> Array:
        columns = facts.columns if facts is not None else ()
        if columns and values.ndim and values.size == len(values) * len(columns):
            mean = np.array([one.stats.mean for one in columns]).reshape(values.shape[1:])
            spread = np.array([one.stats.std for one in columns]).reshape(values.shape[1:])
        else:
            mean, spread = values.mean(axis=0), values.std(axis=0)
        found: Array = (values - mean) / np.where(spread > 0, spread, 1.0)
        return found

    return change


def logarithm(values: Array) -> Array:
    """The logarithm of the values; NaN where one is not positive."""
    with np.errstate(all="ignore"):
        found: Array = np.log(values)
        return found


def shifted(lowest: float) -> Change:
    """The values with the lowest of them as 0."""
    return lambda values: values - lowest


def _filled(values: Array, bad: Array) -> Array:
    kept = np.where(bad, 0.0, values)
    count = (~bad).sum(axis=0, keepdims=True)
    found: Array = np.where(bad, kept.sum(axis=0, keepdims=True) / np.maximum(count, 1), values)
    return found


def _numbers(value: Any, *, whole: bool = False) -> Array | None:
    """The values of a dense floating tensor in float64, with `whole` those of one of whole numbers, too."""
    if not isinstance(value, tf.Tensor) or not (value.dtype.is_floating or (whole and value.dtype.is_integer)):
        return None
    return np.asarray(value).astype(np.float64)
