"""Optimizers that scale the loss, of either Keras, traced and eager: what is their own affair, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor import api
from nandoctor.finding import Report

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(4).uniform(0.5, 2.0, size=(96, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
KINDS = ["keras", "tf_keras", "tf_keras, of old"]


def trained(kind: str, loss: Any, folder: Path, *, eager: bool, x: Any = X, scale: float = 8.0) -> Report:
    import keras
    import tf_keras

    room = keras if kind == "keras" else tf_keras
    room.utils.set_random_seed(1)
    inner = tf_keras.optimizers.legacy.SGD(0.01) if "old" in kind else room.optimizers.SGD(0.01)
    scaling = keras.optimizers.LossScaleOptimizer if kind == "keras" else tf_keras.mixed_precision.LossScaleOptimizer
    model = room.Sequential([room.layers.Input((3,)), room.layers.Dense(1, name="sum")])
    model.compile(scaling(inner, initial_scale=scale), loss, run_eagerly=eager)
    with api.watch(capsule_dir=folder, fail_on="never") as watched:
        model.fit(x, Y, batch_size=16, shuffle=False, verbose=0)
    assert watched.report is not None
    return watched.report


def without_a_slope(wanted: Any, predicted: Any) -> Any:
    """Finite, but with a gradient that never is."""
    import tensorflow as tf

    return tf.reduce_mean(tf.square(wanted - predicted)) + tf.sqrt(tf.reduce_sum(tf.square(predicted * 0.0)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("eager", [False, True], ids=["traced", "eager"])
def test_gradients_that_no_scale_makes_finite_stop_the_training(kind: str, eager: bool, tmp_path: Path) -> None:
    report = trained(kind, without_a_slope, tmp_path, eager=eager)

    assert report.run is not None
    assert report.run.trip is not None
    # Halved from 8 to 1 by the first three updates, which are left out.
    assert (report.run.trip["kind"], report.run.trip["step"]) == ("gradient", 3)
    found = {one.cause for root in report.findings for one in (root, *root.consequences)}
    assert {"sqrt-gradient-at-zero", "loss-scale-collapse"} <= found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("eager", [False, True], ids=["traced", "eager"])
def test_a_loss_that_is_not_finite_is_no_affair_of_the_scale(kind: str, eager: bool, tmp_path: Path) -> None:
    x = X.copy()
    x[37, 1] = np.nan

    first = trained(kind, "mse", tmp_path, eager=eager, x=x, scale=2.0**15).findings[0]

    assert (first.cause, first.location.step, first.location.dataset_rows) == ("nan-in-data", 2, (37,))


@pytest.mark.parametrize("kind", KINDS)
def test_a_scale_that_settles_is_healthy(kind: str, tmp_path: Path) -> None:
    import tensorflow as tf

    def steep(wanted: Any, predicted: Any) -> Any:
        # Its gradient overflows float16 while the scale is above 2 ** 15 or so.
        half = tf.cast(predicted, tf.float16)
        return tf.reduce_mean(tf.square(wanted - tf.cast(half, tf.float32)))

    report = trained(kind, steep, tmp_path, eager=True, scale=2.0**20)

    assert [one.cause for one in report.findings if one.severity != "note"] == []
