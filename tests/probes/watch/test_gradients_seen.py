"""Gradients that are not simply those of the loss: of an inner tape, and changed between tape and optimizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nandoctor

pytestmark = pytest.mark.tensorflow


def report(train: Any, tmp_path: Path) -> Any:
    with nandoctor.watch(capsule_dir=tmp_path, fail_on="never") as watched:
        train()
    assert watched.report is not None
    return watched.report


@pytest.mark.parametrize("traced", [True, False], ids=["tf.function", "eager"])
def test_a_gradient_penalty_is_told_from_the_loss(tmp_path: Path, traced: bool) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="score")])
    optimizer = keras.optimizers.SGD(0.1)

    def step(x: Any) -> None:
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(x)
                score = critic(x)
            slope = inner.gradient(score, x)
            loss = tf.reduce_mean(score) + tf.reduce_mean(tf.sqrt(tf.reduce_sum(tf.square(slope * 0.0), 1)))
        gradients = tape.gradient(loss, critic.trainable_variables)
        optimizer.apply_gradients(zip(gradients, critic.trainable_variables, strict=True))

    run = tf.function(step) if traced else step
    told = report(lambda: run(tf.ones([8, 2])), tmp_path)
    found = told.findings[0]

    loss = float(tf.reduce_mean(critic(tf.ones([8, 2]))))
    assert told.run.recorded[-1].loss == pytest.approx(loss)
    assert found.cause == "sqrt-gradient-at-zero"
    assert found.location.step == 0
    assert found.location.line is not None


def test_the_sum_of_the_gradients_of_a_weight_that_is_used_twice_is_of_the_backward_pass(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    weight = tf.Variable(0.0)
    optimizer = keras.optimizers.SGD(0.1)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.sqrt(weight) - tf.sqrt(weight * 1.0)
        optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])

    (first, *_) = report(step, tmp_path).findings

    (added,) = (one for one in first.consequences if one.location.op_type == "AddN")
    assert added.location.phase == "backward"
    assert added.message.startswith("AddN cancels infinities against each other: the first operand (the gradient that")


def test_clipping_by_the_global_norm_in_an_eager_loop(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="root")])
    optimizer = keras.optimizers.Adam(0.01)
    rows = np.random.default_rng(0).uniform(0.5, 1.0, size=(40, 3)).astype("float32")
    rows[21] = 0.0

    def train() -> None:
        for first in range(0, 40, 8):
            x = tf.constant(rows[first : first + 8])
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.sqrt(tf.reduce_sum(tf.square(model(x) - model.layers[-1].bias), 1)))
            gradients = tape.gradient(loss, model.trainable_variables)
            clipped, _ = tf.clip_by_global_norm(gradients, 1.0)
            optimizer.apply_gradients(zip(clipped, model.trainable_variables, strict=True))

    found = report(train, tmp_path).findings[0]

    assert found.cause == "sqrt-gradient-at-zero"
    assert (found.location.step, found.location.rows) == (2, (5,))


@pytest.mark.parametrize("traced", [True, False], ids=["tf.function", "eager"])
def test_the_norm_of_clipped_gradients_is_called_so(tmp_path: Path, traced: bool) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.1)

    def step(x: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.math.log(x) * model(x))
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, model.trainable_variables), 0.5)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    run = tf.function(step) if traced else step
    found = report(lambda: [run(value * tf.ones([8, 2])) for value in (2.0, 3.0, 0.0)], tmp_path)

    assert "a gradient norm after clipping of 0.5" in found.run.before
