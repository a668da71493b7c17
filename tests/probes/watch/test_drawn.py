"""Random numbers that a step draws from a seed."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


def capture(rows: int):
    """A step that adds to its batch what it draws from a seed: numbers for each row, and three for all."""
    import tensorflow as tf

    from nandoctor.probes.watch.capture import Fed, StepCapture

    def step(x: tf.Tensor) -> tf.Tensor:
        own = tf.random.stateless_uniform(tf.shape(x), seed=(1, 2))
        return tf.reduce_sum(x + own + tf.random.stateless_normal((3,), seed=(3, 4)))

    graph = tf.function(step).get_concrete_function(tf.TensorSpec((None, 3), tf.float32)).graph
    fed = Fed("x", graph.inputs[0].name, "input", np.ones((rows, 3), np.float32))
    results = (("loss", "", graph.outputs[0].name),)
    return StepCapture(graph.as_graph_def().SerializeToString(), (fed,), (), results)


def test_a_row_keeps_the_numbers_that_were_drawn_for_it() -> None:
    import tensorflow as tf

    from nandoctor.probes.watch.capture import fed_batch
    from nandoctor.probes.watch.drawn import with_drawn

    (noise,) = fed_batch(with_drawn(capture(8))).noise

    assert noise.role == "random"
    np.testing.assert_array_equal(noise.value, tf.random.stateless_uniform((8, 3), seed=(1, 2)))


def test_a_step_that_draws_nothing_for_its_rows_stays_as_it_is() -> None:
    from nandoctor.probes.watch.capture import fed_batch
    from nandoctor.probes.watch.drawn import with_drawn

    drawn = fed_batch(with_drawn(capture(3)))
    assert [one.value.shape for one in drawn.noise] == [(3, 3), (3,)]
    assert fed_batch(capture(8)).noise == ()
