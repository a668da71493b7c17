"""The terms of the loss in the record of real trainings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.facts import History
from nandoctor.probes.watch.start import Watching
from nandoctor.probes.watch.wanted import Wanted

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(5).normal(size=(96, 4)).astype("float32")
TARGETS = {"price": X[:, :1], "area": X[:, 1:2]}


def recorded(train: Callable[[], Any], folder: Path) -> History:
    watching = Watching("train.py", Wanted(capsules=folder, check_up="off"))
    watching.begin()
    train()
    watching.end()
    run = watching.facts().run
    assert run is not None
    (optimizer,) = run.optimizers
    assert optimizer.history is not None
    return optimizer.history


def two_heads(keras: Any, **compiling: Any) -> None:
    x = keras.Input((4,))
    hidden = keras.layers.Dense(5, kernel_regularizer="l2", activity_regularizer="l1", name="hidden")(x)
    heads = [keras.layers.Dense(1, name=name, dtype="float32")(hidden) for name in TARGETS]
    model = keras.Model(x, dict(zip(TARGETS, heads, strict=True)))
    losses = {"price": keras.losses.MeanSquaredError(), "area": keras.losses.MeanAbsoluteError()}
    model.compile("adam", losses, loss_weights={"price": 0.3, "area": 1.0}, **compiling)
    model.fit(X, TARGETS, batch_size=32, epochs=2, verbose=0)


@pytest.mark.parametrize("compiling", [{}, {"steps_per_execution": 3}, {"jit_compile": True}], ids=str)
def test_the_losses_of_two_heads_a_regularizer_and_what_a_layer_adds(compiling: Any, tmp_path: Path) -> None:
    import keras

    history = recorded(lambda: two_heads(keras, **compiling), tmp_path)

    added = next(name for name in history.terms if name.endswith("hidden_1"))
    assert list(history.terms)[2:] == [added, "regularization of hidden/kernel"]
    assert set(history.terms) > {"mean_squared_error", "mean_absolute_error"}
    assert [sum(step) for step in zip(*history.terms.values(), strict=True)] == pytest.approx(history.loss, rel=1e-5)
    assert history.steps == 6


def test_the_heads_of_a_tf_keras_model(tmp_path: Path) -> None:
    import tf_keras

    history = recorded(lambda: two_heads(tf_keras), tmp_path)

    assert len(history.terms) == 4
    assert [sum(step) for step in zip(*history.terms.values(), strict=True)] == pytest.approx(history.loss, rel=1e-5)


def test_what_a_loop_of_the_users_own_adds_up(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    optimizer, error = keras.optimizers.SGD(0.01), keras.losses.MeanSquaredError(name="error")

    @tf.function
    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            code = model(x, training=True)
            loss = error(y, code) + 0.1 * tf.reduce_mean(code**2)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    def train() -> None:
        for start in range(0, 96, 32):
            step(tf.constant(X[start : start + 32]), tf.constant(X[start : start + 32, :2]))

    history = recorded(train, tmp_path)

    first, second = history.terms
    assert first == "error"
    assert second.startswith("test_terms.py:")
    assert [sum(step) for step in zip(*history.terms.values(), strict=True)] == pytest.approx(history.loss, rel=1e-5)


def test_a_loss_of_one_term_is_recorded_once(tmp_path: Path) -> None:
    import keras

    def train() -> None:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(X, X[:, :1], verbose=0)

    assert recorded(train, tmp_path).terms == {}
