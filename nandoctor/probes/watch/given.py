"""The arrays that `fit` was given, as arrays by name. Neither TensorFlow nor pandas is imported for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nandoctor.stats import Array


@dataclass(frozen=True)
class Given:
    """One array: its name (a key, `x`, `x[1]`), the values with one row an example, names of columns if it has any."""

    name: str
    values: Array
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class GivenData:
    """Inputs and labels, in the order in which Keras takes them."""

    inputs: tuple[Given, ...]
    labels: tuple[Given, ...]

    @property
    def rows(self) -> int:
        """How many examples there are."""
        return len(self.inputs[0].values)


def given_data(x: Any, y: Any) -> GivenData | None:
    """Arrays, tensors, frames, and lists or dicts of them, with the same number of rows; None for anything else."""
    inputs, labels = tuple(_arrays(x, "x")), tuple(_arrays(y, "y"))
    every = (*inputs, *labels)
    if not inputs or any(one is None or not one.values.ndim for one in every):
        return None
    known = [one for one in every if one is not None]
    if len({len(one.values) for one in known}) != 1:
        return None
    return GivenData(tuple(known[: len(inputs)]), tuple(known[len(inputs) :]))


def _arrays(value: Any, name: str) -> Iterator[Given | None]:
    """The arrays in the order of tf.nest and Keras' tree: dicts by sorted key."""
    if value is None:
        return
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _arrays(value[key], str(key) if name in ("x", "y") else f"{name}/{key}")
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from _arrays(one, f"{name}[{place}]")
    else:
        yield _array(value, name)


def _array(value: Any, name: str) -> Given | None:
    """The values without a copy where that can be; None for what is no dense array."""
    if isinstance(value, np.ndarray):
        return Given(name, value)
    if hasattr(value, "to_numpy"):
        return Given(name, _numbers(value.to_numpy()), tuple(map(str, getattr(value, "columns", ()))))
    if hasattr(value, "row_splits") or hasattr(value, "indices") or not hasattr(value, "shape"):
        return None
    if hasattr(value, "numpy") or hasattr(value, "__array__"):
        return Given(name, np.asarray(value))
    return None


def _numbers(values: Array) -> Array:
    """Numbers of several kinds, which a frame gives as objects, as numbers; texts as they are."""
    if values.dtype.kind != "O":
        return values
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        return values


def bound(given: Sequence[Given], names: Sequence[str], arrays: Sequence[Array]) -> list[Given | None]:
    """Which given array each fed one (by name, with values) was cut from: of its name, else the next of its size a row.

    None where there is none.
    """
    left = list(given)
    found: list[Given | None] = [None] * len(names)
    # What has a name goes first, lest sample weights take the place of labels of their size.
    for by_name in (True, False):
        for place, (name, array) in enumerate(zip(names, arrays, strict=True)):
            if found[place] is None:
                fitting = [one for one in left if row_size(one.values) == row_size(array)]
                chosen = next((one for one in fitting if not by_name or one.name == name), None)
                if chosen is not None:
                    left.remove(chosen)
                    found[place] = chosen
    return found


def row_size(array: Array) -> int:
    """How many values a row has."""
    return int(np.prod(array.shape[1:], dtype=np.int64))
