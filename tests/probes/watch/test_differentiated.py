"""Gradients that a traced function gives to a loop which updates the weights elsewhere."""

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


def test_of_several_calls_for_one_update_the_one_whose_loss_was_not_finite_is_told(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    weight = tf.Variable([1.0, 1.0])
    optimizer = keras.optimizers.SGD(0.1)

    @tf.function
    def part(rows: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.math.log(tf.linalg.matvec(rows, weight)))
        return loss, tape.gradient(loss, weight)

    def train() -> None:
        parts = np.ones((4, 3, 2), "float32")
        parts[1, 2] = 0.0
        total = tf.add_n([part(one)[1] for one in parts])
        optimizer.apply_gradients([(total, weight)])

    told = report(train, tmp_path)

    assert told.findings[0].cause == "log-of-zero"
    assert told.findings[0].location.rows == (2,)
    assert told.run.told == "Training tripped at step 0: the loss is -Inf"


def test_what_another_function_differentiates_is_not_the_step_of_an_eager_loop(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    weight = tf.Variable([1.0, 1.0])
    optimizer = keras.optimizers.SGD(0.1)

    @tf.function
    def slope(rows: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            value = tf.reduce_sum(tf.sqrt(rows))
        return tape.gradient(value, rows)

    def train() -> None:
        rows = tf.constant([[4.0, 1.0], [1.0, 0.0]])
        assert not np.isfinite(slope(rows)).all()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.math.log(tf.linalg.matvec(rows - 1.0, weight) + 1.0))
        optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])

    (first, *_) = report(train, tmp_path).findings

    assert (first.cause, first.location.rows) == ("log-of-zero", (1,))


def test_gradients_that_nobody_knows_the_loss_of_are_recorded_without_one(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    weight = tf.Variable([1.0, 1.0])

    def train() -> None:
        optimizer = keras.optimizers.SGD(0.1)
        for gradient in ([1.0, 1.0], [1.0, np.nan]):
            optimizer.apply_gradients([(tf.constant(gradient), weight)])

    told = report(train, tmp_path)

    assert "while the loss is" not in told.run.told
    assert all(np.isnan(one.loss) for one in told.run.recorded)
