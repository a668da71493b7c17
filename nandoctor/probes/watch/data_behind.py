"""The data behind a failing step, whatever `fit` was given: facts of it, and of the pipeline that it came through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.facts import DataFacts
from nandoctor.facts.pipeline import PipelineFacts
from nandoctor.probes.watch.batch_data import batch_facts, cut_from, given_facts, told_apart
from nandoctor.probes.watch.capture import StepCapture, fed_batch
from nandoctor.probes.watch.dataset_rows import Places, places_of
from nandoctor.probes.watch.given import GivenData, given_data
from nandoctor.probes.watch.pipeline import pipeline_facts, rows_made
from nandoctor.probes.watch.rebuilt import Pipeline, pipeline_of
from nandoctor.probes.watch.table_lines import lines_by_count, with_table_lines
from nandoctor.stats import Array

WHOM_LOOP = "looped over"


@dataclass(frozen=True)
class GivenTo:
    """What `fit`, `evaluate` or `predict` was given as `x` and `y`, and in words which of them it was.

    `loops` are the data sets that the script's own loops went over last: where the batch is from one of them, that is
    what counts. `tables` are text tables that the data may have been read from. With `python` the Python functions in
    a pipeline may be called again: the training does not go on.
    """

    x: Any
    y: Any
    whom: str = "given to fit"
    python: bool = False
    tables: tuple[Path, ...] = ()
    loops: tuple[Any, ...] = ()


def told_by_data(capture: StepCapture, to: GivenTo) -> StepCapture:
    """The capture with its batch named after the arrays that were given, where the step does not tell."""
    if not isinstance(to.x, tf.data.Dataset):
        given = given_data(to.x, to.y)
        return capture if given is None else told_apart(capture, given)
    if any(one.role == "label" for one in capture.fed):
        return capture
    pipeline = pipeline_of(to.x, to.whom, python=to.python)
    if _is_untouched(pipeline):
        arrays = [one.numpy() for one in pipeline.tensors]
    else:
        made = rows_made(pipeline)
        arrays = made[1] if made is not None else []
    given = _given(arrays, to.x.element_spec)
    told = capture if given is None else told_apart(capture, given)
    # A name of the user's own says more than the place in a data set's elements.
    names = {one.tensor: one.name for one in capture.fed if not one.name.isdigit()}
    return replace(told, fed=tuple(replace(one, name=names.get(one.tensor, one.name)) for one in told.fed))


def looped_over(capture: StepCapture, given: GivenTo) -> GivenTo:
    """The only one of the data sets looped over that is of the batch's kind; of several the first that has its rows.

    What was given, where there is none.
    """
    alike = [
        replace(given, x=one, y=None, whom=WHOM_LOOP, loops=())
        for one in given.loops
        if _is_of_its_kind(capture, one.element_spec)
    ]
    for to in alike if len(alike) > 1 else ():
        facts, _ = data_behind(told_by_data(capture, to), to)
        if facts is not None and any(row is not None for row in facts.batch_rows):
            return to
    return alike[0] if len(alike) == 1 else given


def _is_of_its_kind(capture: StepCapture, structure: Any) -> bool:
    """Whether an element could be this batch: for each array of it there is one of its dtype and its size a row."""
    left = [one.value for one in capture.fed if one.role in ("input", "label")]
    for spec in tf.nest.flatten(structure):
        if not isinstance(spec, tf.TensorSpec) or spec.shape.rank is None:
            return False
        fitting = [
            one for one in left if tf.as_dtype(one.dtype) == spec.dtype and spec.shape.is_compatible_with(one.shape)
        ]
        if not fitting:
            return False
        left = [one for one in left if one is not fitting[0]]
    return True


def data_behind(capture: StepCapture, to: GivenTo) -> tuple[DataFacts | None, PipelineFacts | None]:
    """Facts of the data set that was given, with the rows of the batch in it where they are found.

    Where it cannot be looked at as a whole, facts of the batch alone (None for a step without one). Of a tf.data
    pipeline that gave a batch with values that are not finite, where these were made, too.
    """
    if isinstance(to.x, tf.data.Dataset):
        pipeline = pipeline_of(to.x, to.whom, python=to.python)
        bad = any(_bad(one.value) for one in (*fed_batch(capture).inputs, *fed_batch(capture).labels))
        facts = _behind_pipeline(capture, pipeline, to.x.element_spec)
        return _in_files(facts, pipeline, to.x.element_spec, to.tables), pipeline_facts(pipeline) if bad else None
    given = given_data(to.x, to.y)
    facts = given_facts(capture, given, f"the arrays {to.whom}") if given is not None else None
    if given is not None and facts is not None:
        facts = with_table_lines(facts, given, to.tables)
    return facts or batch_facts(capture), None


def _in_files(facts: DataFacts | None, pipeline: Pipeline, structure: Any, tables: Sequence[Path]) -> DataFacts | None:
    """The facts with the lines that the batch's rows were read from, where these are known."""
    if facts is None:
        return None
    rows = [row for row in facts.batch_rows if row is not None]
    if pipeline.layout is not None:
        return replace(facts, lines=lines_by_count(pipeline.files, rows, pipeline.layout))
    given = _given([one.numpy() for one in pipeline.tensors], structure) if pipeline.tensors else None
    return facts if given is None else with_table_lines(facts, given, tables)


def _behind_pipeline(capture: StepCapture, pipeline: Pipeline, structure: Any) -> DataFacts | None:
    if _is_untouched(pipeline):
        given = _given([one.numpy() for one in pipeline.tensors], structure)
        facts = given_facts(capture, given, pipeline.source) if given is not None else None
        if facts is not None:
            return facts
    facts = batch_facts(capture)
    places = None if facts is None else _places(capture, pipeline, structure)
    if facts is None or places is None or all(row is None for row in places.rows):
        return facts
    if len(pipeline.files) == 1:
        facts = replace(facts, path=pipeline.files[0], from_file=True)
    return replace(facts, batch_rows=places.rows, repeated=places.repeated)


def _is_untouched(pipeline: Pipeline) -> bool:
    """Whether the batches hold rows of arrays as they are."""
    batched = pipeline.stopped is None and all(stage.kind == "batch" for stage in pipeline.stages)
    return bool(pipeline.tensors) and batched


def _given(arrays: list[Array], structure: Any) -> GivenData | None:
    """The arrays as inputs and labels, by the structure of the data set's elements: x, or (x, y), or with weights."""
    if len(arrays) != len(tf.nest.flatten(structure, expand_composites=True)):
        return None
    packed = tf.nest.pack_sequence_as(structure, arrays, expand_composites=True)
    if isinstance(packed, tuple) and len(packed) in (2, 3):
        return given_data(packed[0], packed[1])
    return given_data(packed[0] if isinstance(packed, tuple) and len(packed) == 1 else packed, None)


def _places(capture: StepCapture, pipeline: Pipeline, structure: Any) -> Places | None:
    """The rows of the source that the batch's rows were made of, where the pipeline can be run again."""
    made = rows_made(pipeline)
    given = _given(made[1], structure) if made is not None else None
    if made is None or given is None:
        return None
    inputs, labels = cut_from(fed_batch(capture), given)
    if not inputs:
        return None
    cut = [*inputs, *labels]
    found = places_of([fed.value for fed, _ in cut], [whole.values for _, whole in cut])
    rows = tuple(None if place is None else int(made[0][place]) for place in found.rows)
    return Places(rows, found.repeated)


def _bad(array: Array) -> bool:
    kinds = array.dtype.kind in "fc" or array.dtype.name == "bfloat16"
    return kinds and not np.isfinite(array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)).all()
