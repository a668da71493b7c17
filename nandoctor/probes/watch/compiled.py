"""The batches of functions that XLA compiles: kept by whoever calls them, since XLA keeps none of changing shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.watching import function_graphs, is_jit_compiled, own_variable
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.recorder import Recorder


def keep_arguments(
    function: Any, given: Any, tracings: Sequence[Tracing], recorders: Sequence[Recorder], *, called_eagerly: bool
) -> None:
    """After a call of a traced function: if a step in it tripped, and XLA compiles it, keep what it was given."""
    if not is_jit_compiled(function):
        return
    lacking = [one for one in tracings if one.compiled and any(variable is None for variable in one.stash)]
    if not lacking:
        return
    graphs = function_graphs(function)
    values = [value for value in tf.nest.flatten(given, expand_composites=True) if tf.is_tensor(value)]
    for tracing in lacking:
        if not any(graph is tracing.graph for graph in graphs):
            continue
        wanted = _arguments(tracing, values)
        for recorder in recorders:
            if called_eagerly:
                kind, number, _ = recorder.tripped()
                if kind and number == tracing.number:
                    tracing.stash = [wanted.get(place, old) for place, old in enumerate(tracing.stash)]
            else:
                _keep_in_graph(tracing, recorder, wanted)


def _arguments(tracing: Tracing, values: Sequence[Any]) -> dict[int, Any]:
    """What was given for each of the kept tensors that has no variable, by its place."""
    captured = {id(inner) for _, inner in tracing.graph.captures}
    own = [tensor for tensor in tracing.graph.inputs if id(tensor) not in captured]
    places = {id(tensor): place for place, tensor in enumerate(own)}
    found: dict[int, Any] = {}
    for place, (kept, variable) in enumerate(zip(tracing.kept, tracing.stash, strict=True)):
        argument = places.get(id(kept.tensor))
        if variable is None and argument is not None and argument < len(values):
            found[place] = values[argument]
    return found


def _keep_in_graph(tracing: Tracing, recorder: Recorder, wanted: dict[int, Any]) -> None:
    """Build into the calling graph what keeps the arguments, once, when the function's step has tripped."""
    done = own_variable(False)
    stash = {place: _variable_for(value) for place, value in wanted.items()}

    def keep() -> bool:
        for place, variable in stash.items():
            variable.assign(wanted[place])
        done.assign(True)
        return True

    tf.cond(tf.logical_and(recorder.tripped_in(tracing.number), tf.logical_not(done)), keep, lambda: False)
    tracing.stash = [stash.get(place, old) for place, old in enumerate(tracing.stash)]


def _variable_for(value: Any) -> Any:
    with tf.init_scope():
        initial = tf.zeros([0], value.dtype) if value.dtype != tf.string else tf.constant([], tf.string)
    return own_variable(initial, tf.TensorShape(None))
