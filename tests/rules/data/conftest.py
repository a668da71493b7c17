"""Facts made by hand, or from a few numbers by the profile that the product itself uses (no TensorFlow in either)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nandoctor.facts import (
    ArrayFacts,
    DataFacts,
    HeadFacts,
    InputFacts,
    LossFacts,
    RowSample,
    SplitFacts,
    SubjectFacts,
)
from nandoctor.probes.data.column import ColumnValues, column_facts
from nandoctor.stats import TensorStats, merged


@pytest.fixture
def array() -> Callable[..., ArrayFacts]:
    """`array(values, name=, role=, bound_to=)`: the facts of one array, columns along the last axis."""

    def build(values, name="x", role="input", bound_to="x"):
        values = np.asarray(values)
        width = values.shape[-1] if values.ndim > 1 else 1
        table = values.reshape(-1, width)
        per_row = max(len(table) // len(values), 1)
        columns = tuple(
            column_facts(
                ColumnValues(str(place), table[:, place].copy(), table[:, place].copy(), lambda row: row // per_row)
            )
            for place in range(width)
        )
        stats = merged([column.stats for column in columns])
        sums = values.sum(axis=1) if values.ndim == 2 and not stats.nonfinite else None
        row_sums = None if sums is None else (float(sums.min()), float(sums.max()))
        return ArrayFacts(name, role, bound_to, str(values.dtype), values.shape, stats, columns, row_sums)

    return build


@pytest.fixture
def label(array) -> Callable[..., ArrayFacts]:
    """`label(values)`: the same for a target named y."""
    return lambda values: array(values, name="y", role="label", bound_to="out")


@pytest.fixture
def data() -> Callable[..., DataFacts]:
    """`data(array, ..., batch_size=, examined=)`: a data set of these arrays."""

    def build(*arrays, batch_size=None, examined=()):
        return DataFacts("data.npz", arrays[0].shape[0], arrays, batch_size, examined)

    return build


@pytest.fixture
def model() -> Callable[..., SubjectFacts]:
    """`model(loss=, units=, activation=, outputs=, ...)`: a model with one input x into a matrix product, one head out.

    Other keywords are those of `InputFacts`.
    """

    def build(loss=None, units=1, activation="linear", outputs=None, chosen="compiled", **entry):
        entry = {"name": "x", "shape": (None, 2), "dtype": "float32", "consumers": ("MatMul",), **entry}
        stats = None if outputs is None else TensorStats.of(np.asarray(outputs))
        head = HeadFacts("out", "dense", "dense/Add", "AddV2", units, (None, units), "float32", activation, stats=stats)
        losses = () if loss is None else (LossFacts(loss, chosen, "said so", None, "out", "y"),)
        return SubjectFacts("keras", "model.keras", ".keras file", None, (InputFacts(**entry),), (head,), losses)

    return build


@pytest.fixture
def normal() -> Callable[..., np.ndarray]:
    """`normal(rows, columns)`: standard normal float32 values, always the same."""
    return lambda rows=200, columns=2: np.random.default_rng(7).normal(size=(rows, columns)).astype(np.float32)


@pytest.fixture
def table() -> Callable[..., DataFacts]:
    """`table({column: values}, target=None, val={column: values})`: a data set whose rows are all in the sample."""

    def observed(columns, target):
        columns = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
        rows = len(next(iter(columns.values())))
        arrays = []
        for name, role, members in (
            ("table", "input", [key for key in columns if key != target]),
            (target, "label", [key for key in columns if key == target]),
        ):
            if members:
                facts = tuple(column_facts(ColumnValues(key, columns[key], columns[key], int)) for key in members)
                stats = merged([one.stats for one in facts])
                arrays.append(ArrayFacts(name, role, None, "float64", (rows, len(members)), stats, facts))
        keys = tuple((array.name, column.name) for array in arrays for column in array.columns)
        values = tuple(tuple(columns[key].tolist()) for _, key in keys)
        return rows, tuple(arrays), RowSample(tuple(range(rows)), keys, values)

    def build(columns, target=None, val=None, batch_size=32):
        rows, arrays, sample = observed(columns, target)
        others = ()
        if val is not None:
            val_rows, val_arrays, val_sample = observed(val, target)
            others = (SplitFacts("val", "val.csv", val_rows, val_arrays, sample=val_sample),)
        split = "train" if val is not None else None
        return DataFacts("data.csv", rows, arrays, batch_size, sample=sample, split=split, splits=others)

    return build
