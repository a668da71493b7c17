"""Random numbers that a step draws from a seed, made part of what it is fed.

A seed gives other numbers to a part of the batch than to the whole of it: a row would be tried with the noise of
another one.
"""

from __future__ import annotations

from dataclasses import replace

import tensorflow as tf

from nandoctor.errors import NandoctorError
from nandoctor.probes.compat.watching import own_variable, restored_function
from nandoctor.probes.watch.capture import Fed, StepCapture, fed_batch
from nandoctor.probes.watch.needed import needed_graph

FROM_SEED = frozenset(
    {
        "StatelessRandomUniform",
        "StatelessRandomUniformV2",
        "StatelessRandomNormal",
        "StatelessRandomNormalV2",
        "StatelessTruncatedNormal",
        "StatelessTruncatedNormalV2",
        "StatelessRandomUniformInt",
        "StatelessRandomUniformIntV2",
    }
)


def with_drawn(capture: StepCapture) -> StepCapture:
    """The capture with the random numbers that the whole batch drew from seeds, as far as there are some for each row.

    As it is where these cannot be had; those in loops and in functions that the step calls stay as they are.
    """
    needed = needed_graph(capture)
    graph = tf.compat.v1.GraphDef.FromString(needed.graph)
    fed = {one.tensor.partition(":")[0] for one in capture.fed}
    drawn = [node.name for node in graph.node if node.op in FROM_SEED and node.name not in fed]
    if not drawn:
        return capture
    tensors = [*(one.tensor for one in capture.fed), *(one.tensor for one in capture.held)]
    feeds = [needed.given[one] for one in tensors]
    variables = [own_variable(one.value) for one in capture.held]
    try:
        draw = restored_function(needed.graph, feeds, [f"{name}:0" for name in drawn])
        values = draw(*(tf.constant(one.value) for one in capture.fed), *(one.handle for one in variables))
    except (NandoctorError, tf.errors.OpError, ValueError, TypeError):
        return capture
    rows = fed_batch(capture).rows
    noise = tuple(
        Fed(name, f"{name}:0", "random", value.numpy())
        for name, value in zip(drawn, values, strict=True)
        if value.shape.rank and value.shape[0] == rows
    )
    return replace(capture, fed=(*capture.fed, *noise))
