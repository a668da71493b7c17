"""Where in an input pipeline the values stopped being finite, and which row of its source an example was made of."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.errors import NandoctorError
from nandoctor.facts import Origin, SourceLine
from nandoctor.facts.pipeline import PipelineFacts
from nandoctor.probes.compat.graphs import captured, own_inputs, python_function
from nandoctor.probes.steps.trace import user_lines
from nandoctor.probes.steps.written_line import written_line
from nandoctor.probes.watch.capture import Fed, Held, StepCapture
from nandoctor.probes.watch.rebuilt import PYTHON, Pipeline
from nandoctor.probes.watch.replay import replay
from nandoctor.stats import Array

MOST_SECONDS = 1.5
MOST_BYTES = 1 << 28
_TOGETHER = 64


def pipeline_facts(pipeline: Pipeline) -> PipelineFacts:
    """What the pipeline does to finite values; for a batch that came out of it with values that are not finite."""
    maps = pipeline.maps
    found = PipelineFacts(
        source=pipeline.source,
        source_finite=_source_finite(pipeline),
        functions=tuple(_function_line(pipeline.stages[place].function) for place in maps),
    )
    if found.source_finite is False:
        return found
    for number, place in enumerate(maps):
        if not pipeline.runnable(place + 1):
            found = replace(found, not_examined=_reason(pipeline, place))
            break
        seen = _first_made(pipeline, place)
        if seen is not None:
            row, values = seen
            origin = _origin(pipeline.stages[place].function, values, row)
            return replace(found, maker=number, origin=origin, row=row)
    # Where all else passes values on, the one function that there is made them.
    only = len(maps) == 1 and found.source_finite and pipeline.stopped is None
    return replace(found, maker=0 if only else None)


def rows_made(pipeline: Pipeline) -> tuple[Array, list[Array]] | None:
    """The numbers of the source's rows and the examples that were made of them, as far as time and memory allow.

    None where the pipeline cannot be built again, or does not give examples of one size.
    """
    if pipeline.stopped is not None or not pipeline.runnable(len(pipeline.stages)):
        return None
    batched = any(stage.kind == "batch" for stage in pipeline.stages)
    elements = pipeline.elements(len(pipeline.stages))
    rows: list[Array] = []
    parts: list[list[Array]] = []
    size = 0
    try:
        for row, *values in _in_time(elements if batched else elements.batch(_TOGETHER)):
            rows.append(np.atleast_1d(row.numpy()))
            parts.append([value.numpy() for value in values])
            size += sum(part.nbytes for part in parts[-1])
            if size > MOST_BYTES:
                break
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    except (tf.errors.OpError, ValueError, TypeError):
        return None
    return (np.concatenate(rows), columns) if rows else None


def _in_time(elements: Any) -> Iterator[Any]:
    started = time.monotonic()
    for element in elements:
        yield element
        if time.monotonic() - started > MOST_SECONDS:
            return


def _source_finite(pipeline: Pipeline) -> bool | None:
    """Whether the values that the pipeline reads are finite; texts and bytes always are."""
    if pipeline.tensors:
        return all(_finite(tensor) for tensor in pipeline.tensors)
    if not pipeline.runnable(0):
        return None
    try:
        checked = pipeline.elements(0).map(lambda _row, *values: _any_bad(values)).batch(_TOGETHER)
        return not any(bad.numpy().any() for bad in _in_time(checked))
    except tf.errors.OpError:
        return None


def _first_made(pipeline: Pipeline, place: int) -> tuple[int, list[Array]] | None:
    """The first row of which the map at that place makes values that are not finite, and what the map was given."""
    function = pipeline.stages[place].function
    before = pipeline.elements(place)

    def made(row: Any, *values: Any) -> tuple[Any, Any]:
        results = tf.nest.flatten(function(*values), expand_composites=True)
        return tf.reduce_min(row), tf.logical_and(_any_bad(results), tf.logical_not(_any_bad(values)))

    passed = 0
    try:
        for rows, bad in _in_time(before.map(made).batch(_TOGETHER)):
            if bad.numpy().any():
                first = int(np.argmax(bad.numpy()))
                _, *values = next(iter(before.skip(passed + first).take(1)))
                return int(rows.numpy()[first]), [value.numpy() for value in values]
            passed += len(rows)
    except tf.errors.OpError:
        return None
    return None


def _origin(function: Any, values: Sequence[Array], row: int) -> Origin | None:
    """The op in a map function that made the values, found by running the function op by op."""
    try:
        step = replay(_function_capture(function, values), "").step
    except (NandoctorError, tf.errors.OpError, ValueError):
        return None
    roots = [origin for origin in step.origins if origin.kind == "op" and not origin.parents and origin.reaches]
    if not roots:
        return None
    source = _python_line(function, roots[0]) or roots[0].source
    return replace(roots[0], phase="data", rows=None, rows_note=None, dataset_rows=(row,), source=source)


def _python_line(function: Any, origin: Origin) -> SourceLine | None:
    """The first line of the Python function that the op calls, None where it calls none."""
    if origin.op_type not in PYTHON:
        return None
    ops = [op for op in function.graph.get_operations() if op.type == origin.op_type and op.name.endswith(origin.op)]
    called = python_function(ops[0]) if ops else None
    code = getattr(called, "__code__", None)
    if code is None:
        return None
    return _source_line(code.co_filename, code.co_firstlineno, code.co_name)


def _source_line(file: str, line: int, function: str) -> SourceLine:
    shown, line, function, code = written_line(file, line, function)
    return SourceLine(shown, line, function, code or None)


def _function_capture(function: Any, values: Sequence[Array]) -> StepCapture:
    graph, own = function.graph, own_inputs(function)
    fed = [
        Fed(tensor.op.name, tensor.name, "state", value)
        for tensor, value in zip(graph.inputs[:own], values, strict=True)
    ]
    held: list[Held] = []
    for tensor, source in zip(graph.inputs[own:], captured(function), strict=True):
        if tensor.dtype == tf.resource:
            raise NandoctorError("the map function reads what cannot be taken out of it")
        fed.append(Fed(tensor.op.name, tensor.name, "constant", source.numpy()))
    return StepCapture(
        graph=graph.as_graph_def().SerializeToString(),
        fed=tuple(fed),
        held=tuple(held),
        results=tuple(("output", tensor.op.name, tensor.name) for tensor in graph.outputs),
        lines={name: written_line(*line) for name, line in user_lines(graph).items()},
    )


def _function_line(function: Any) -> SourceLine:
    """The first line of a map function that computes anything, and the function's name."""
    found = user_lines(function.graph)
    # Arguments and results have the line of the call of `map`.
    around = {op.name for op in function.graph.get_operations() if op.type in ("Placeholder", "Identity", "NoOp")}
    lines = [line for name, line in found.items() if name not in around] or list(found.values())
    if not lines:
        return SourceLine("", 0, function.name)
    file, line, name = min((one for one in lines if one[2] == lines[0][2]), key=lambda one: one[1])
    return _source_line(file, line, name)


def _reason(pipeline: Pipeline, place: int) -> str:
    if pipeline.base is None:
        return f"its elements come from {pipeline.source}, which is not run again"
    if not pipeline.python and any(stage.runs_python for stage in pipeline.stages[: place + 1]):
        return "its functions call Python, and are not called again in a training that goes on"
    if any(stage.changes for stage in pipeline.stages[: place + 1]):
        return "its functions change variables, and are not run again"
    return "it cannot be built again"


def _finite(tensor: Any) -> bool:
    if not tensor.dtype.is_floating:
        return True
    values = tensor.numpy()
    # numpy knows no isfinite of bfloat16 and its like.
    return bool(np.isfinite(values if values.dtype.kind == "f" else values.astype(np.float32)).all())


def _any_bad(values: Sequence[Any]) -> Any:
    bad = [tf.reduce_any(~tf.math.is_finite(value)) for value in values if value.dtype.is_floating]
    return tf.reduce_any(tf.stack(bad)) if bad else tf.constant(False)
