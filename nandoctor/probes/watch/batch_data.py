"""Facts of the data behind a failing step: of the arrays that `fit` was given, else of the batch alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, DataFacts
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.matched import Binding, Matched
from nandoctor.probes.data.profile import data_facts
from nandoctor.probes.data.sample import sampled_rows
from nandoctor.probes.watch.capture import Fed, FedBatch, StepCapture, fed_batch
from nandoctor.probes.watch.dataset_rows import places_of, same_rows
from nandoctor.probes.watch.given import Given, GivenData, bound, row_size
from nandoctor.stats import Array
from nandoctor.wording import plural

PROFILED_BYTES = 1 << 25
SEARCHED_BYTES = 1 << 32
MOST_BAD_ROWS = 1000
_BLOCK = 1 << 22

Cut = tuple[Fed, Given]


def batch_facts(capture: StepCapture) -> DataFacts | None:
    """What the batch holds, the rows being places in it; None for a step without a batch."""
    batch = fed_batch(capture)
    if not batch.inputs and not batch.labels:
        return None
    matched = Matched(
        batch.rows,
        tuple(Binding(one.name, one.name, one.value, one.value) for one in batch.inputs),
        tuple(Binding(one.name, one.name, one.value, one.value) for one in batch.labels),
    )
    found = data_facts(DataSet(Path(), {}), matched)
    return replace(
        found,
        path="the batch of the replayed step",
        from_file=False,
        only_batch=True,
        batch_size=batch.rows,
        notices=("Of the data, only the batch of the replayed step was looked at.",),
    )


def given_facts(capture: StepCapture, given: GivenData, path: str) -> DataFacts | None:
    """What the whole data holds, and where the rows of the batch stand in it.

    None where the batch's arrays are not of the sizes of those given. `path` says what the data is. Of more than 32 MiB
    a part is profiled: the rows of the batch, those with values that are not finite, and a sample; a notice says so.
    """
    batch = fed_batch(capture)
    inputs, labels = cut_from(batch, given)
    cut = [*inputs, *labels]
    if not inputs:
        return None
    places = places_of([fed.value for fed, _ in cut], [whole.values for _, whole in cut])
    rows = _profiled_rows(cut, given.rows, [row for row in places.rows if row is not None])
    matched = Matched(given.rows if rows is None else len(rows), _bindings(inputs, rows), _bindings(labels, rows))
    found = data_facts(DataSet(Path(), {}), matched)
    if rows is not None:
        found = replace(found, arrays=tuple(_renumbered(array, rows) for array in found.arrays))
    beside = [one for one in (*batch.inputs, *batch.labels) if all(one is not fed for fed, _ in cut)]
    return replace(
        found,
        arrays=(*found.arrays, *_bad_beside(beside, places.rows)),
        path=path,
        from_file=False,
        batch_size=batch.rows,
        batch_rows=places.rows,
        examined_rows=_ranges(places.rows),
        repeated=places.repeated,
        notices=() if rows is None else (_profiled(len(rows), given.rows, path),),
    )


def told_apart(capture: StepCapture, given: GivenData) -> StepCapture:
    """The capture with what was fed named as it was given, and labels told from inputs by their values.

    A step that ran eagerly, or in a function of the user's own, does not say what its arguments are for. An argument is
    a label where it holds the labels of the rows that the inputs came from.
    """
    batch = fed_batch(capture)
    inputs, labels = cut_from(batch, given)
    if not inputs or (labels and len(inputs) == len(given.inputs)):
        return capture
    rows = places_of([fed.value for fed, _ in inputs], [whole.values for _, whole in inputs]).rows
    known = [place for place, row in enumerate(rows) if row is not None]
    at = [row for row in rows if row is not None]
    if not known:
        return capture
    new = {fed.tensor: replace(fed, name=whole.name) for fed, whole in inputs}
    for fed in batch.inputs:
        for whole in given.labels if fed.tensor not in new else ():
            if row_size(whole.values) == row_size(fed.value) and same_rows(fed.value[known], whole.values[at]):
                new[fed.tensor] = replace(fed, name=whole.name, role="label")
                break
    return replace(capture, fed=tuple(new.get(one.tensor, one) for one in capture.fed))


def cut_from(batch: FedBatch, given: GivenData) -> tuple[list[Cut], list[Cut]]:
    """Inputs and labels with the arrays that they were cut from, as far as there is one of their size."""

    def cut(fed: Sequence[Fed], arrays: Sequence[Given]) -> list[Cut]:
        found = bound(arrays, [one.name for one in fed], [one.value for one in fed])
        return [(one, whole) for one, whole in zip(fed, found, strict=True) if whole is not None]

    return cut(batch.inputs, given.inputs), cut(batch.labels, given.labels)


def _bindings(cut: Sequence[Cut], rows: Array | None) -> tuple[Binding, ...]:
    bindings: list[Binding] = []
    for fed, whole in cut:
        values = whole.values if rows is None else whole.values[rows]
        bindings.append(Binding(whole.name, fed.name, values, values, whole.columns))
    return tuple(bindings)


def _bad_beside(fed: Sequence[Fed], places: Sequence[int | None]) -> tuple[ArrayFacts, ...]:
    """What was fed beside the given arrays (sample weights) with values that are not finite, under the data's rows."""
    rows = [row for row in places if row is not None]
    bad = [one for one in fed if one.value.dtype.kind == "f" and not np.isfinite(one.value).all()]
    if not bad or len(rows) < len(places):
        return ()
    matched = Matched(len(rows), tuple(Binding(one.name, one.name, one.value, one.value) for one in bad), ())
    arrays = data_facts(DataSet(Path(), {}), matched).arrays
    return tuple(_renumbered(array, np.array(rows, np.int64)) for array in arrays)


def _profiled_rows(cut: Sequence[Cut], count: int, batch: Sequence[int]) -> Array | None:
    """The rows to profile, ascending; None for all of them."""
    size = sum(whole.values.nbytes for _, whole in cut)
    if size <= PROFILED_BYTES:
        return None
    sample = sampled_rows(count, max(1, PROFILED_BYTES * count // size))
    bad = _bad_rows([whole.values for _, whole in cut]) if size <= SEARCHED_BYTES else np.array([], np.int64)
    rows: Array = np.unique(np.concatenate([sample, bad, np.array(batch, np.int64)]))
    return rows


def _bad_rows(arrays: Sequence[Array]) -> Array:
    """The first 1,000 rows with a value that is not finite."""
    found: list[Array] = []
    for array in arrays:
        if array.dtype.kind != "f":
            continue
        step = max(1, _BLOCK * len(array) // max(1, array.size))
        for first in range(0, len(array), step):
            block = array[first : first + step].reshape(len(array[first : first + step]), -1)
            found.append(first + np.flatnonzero(~np.isfinite(block).all(axis=1)))
    rows: Array = np.unique(np.concatenate([np.array([], np.int64), *found]))
    return rows[:MOST_BAD_ROWS]


def _renumbered(array: ArrayFacts, rows: Array) -> ArrayFacts:
    """The facts of some rows, with the numbers that these have in the whole array."""

    def cells(some: Sequence[Cell]) -> tuple[Cell, ...]:
        return tuple(replace(cell, row=int(rows[cell.row])) for cell in some)

    def column(one: ColumnFacts) -> ColumnFacts:
        return replace(one, lowest=cells(one.lowest), highest=cells(one.highest), bad=cells(one.bad))

    return replace(array, columns=tuple(map(column, array.columns)))


def _ranges(rows: Sequence[int | None]) -> tuple[tuple[int, int], ...]:
    """Known rows as ranges (first, past the last), ascending."""
    ranges: list[tuple[int, int]] = []
    for row in sorted({row for row in rows if row is not None}):
        if ranges and ranges[-1][1] == row:
            ranges[-1] = (ranges[-1][0], row + 1)
        else:
            ranges.append((row, row + 1))
    return tuple(ranges)


def _profiled(rows: int, count: int, path: str) -> str:
    return (
        f"Of the {plural(count, 'row')} in {path}, {rows:,} were profiled: those of the batch, the first with values "
        "that are not finite, and a sample."
    )
