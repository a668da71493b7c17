"""The data behind a failing step, whatever `fit` was given: facts of it, and of the pipeline that it came through."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from nandoctor.stats import Array
from nandoctor.wording import listing


@dataclass(frozen=True)
class GivenTo:
    """What `fit`, `evaluate` or `predict` was given as `x` and `y`, and in words which of them it was."""

    x: Any
    y: Any
    whom: str = "given to fit"


def told_by_data(capture: StepCapture, to: GivenTo) -> StepCapture:
    """The capture with its batch named after the arrays that were given, where the step does not tell."""
    given = None if isinstance(to.x, tf.data.Dataset) else given_data(to.x, to.y)
    return capture if given is None else told_apart(capture, given)


def data_behind(capture: StepCapture, to: GivenTo) -> tuple[DataFacts | None, PipelineFacts | None]:
    """Facts of the data set that was given, with the rows of the batch in it where they are found.

    Where it cannot be looked at as a whole, facts of the batch alone (None for a step without one). Of a tf.data
    pipeline that gave a batch with values that are not finite, where these were made, too.
    """
    if isinstance(to.x, tf.data.Dataset):
        pipeline = pipeline_of(to.x, to.whom)
        bad = any(_bad(one.value) for one in (*fed_batch(capture).inputs, *fed_batch(capture).labels))
        return _behind_pipeline(capture, pipeline, to.x.element_spec), pipeline_facts(pipeline) if bad else None
    given = given_data(to.x, to.y)
    facts = given_facts(capture, given, f"the arrays {to.whom}") if given is not None else None
    return facts or batch_facts(capture), None


def _behind_pipeline(capture: StepCapture, pipeline: Pipeline, structure: Any) -> DataFacts | None:
    untouched = pipeline.stopped is None and all(stage.kind == "batch" for stage in pipeline.stages)
    if pipeline.tensors and untouched:
        given = _given([one.numpy() for one in pipeline.tensors], structure)
        facts = given_facts(capture, given, pipeline.source) if given is not None else None
        if facts is not None:
            return facts
    facts = batch_facts(capture)
    places = None if facts is None else _places(capture, pipeline, structure)
    if facts is None or places is None or all(row is None for row in places.rows):
        return facts
    said = f"Rows of the batch that stand more than once in {pipeline.source}, of which the first place is given: "
    notices = (f"{said}{listing(places.repeated)}.",) if places.repeated else ()
    if len(pipeline.files) == 1:
        facts = replace(facts, path=pipeline.files[0], from_file=True)
    return replace(facts, batch_rows=places.rows, notices=(*facts.notices, *notices))


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
