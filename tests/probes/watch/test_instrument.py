"""A script that switches TensorFlow's own instrument on is watched like any other, and the instrument sees no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.probes.watch.start import Watching
from nandoctor.probes.watch.wanted import Wanted

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    import tensorflow as tf

    watching = Watching("train.py", Wanted(capsules=tmp_path, check_up=2))
    watching.begin()
    tf.debugging.enable_check_numerics()
    yield watching
    tf.debugging.disable_check_numerics()
    watching.end()


def fitted(loss: Any, eagerly: bool) -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
    model.compile("adam", loss, run_eagerly=eagerly)
    model.fit(X, X[:, :1], batch_size=16, verbose=0)


@pytest.mark.parametrize("eagerly", [False, True], ids=["traced", "eager"])
def test_a_healthy_training(watching: Watching, capfd: pytest.CaptureFixture[str], eagerly: bool) -> None:
    fitted("mse", eagerly)
    watching.end()

    run = watching.facts().run
    assert run is not None
    assert (run.steps, run.trip, run.check_ups) == (6, None, (0, 2, 4))
    assert run.optimizers[0].history is not None
    assert np.isfinite(run.optimizers[0].history.loss).all()
    assert "nandoctor" not in capfd.readouterr().err


def test_what_it_stops_itself_is_told(watching: Watching) -> None:
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        fitted(lambda y_true, y_pred: tf.math.log(y_pred - y_pred), eagerly=True)
    watching.end(raised.value)

    assert watching.told() == (
        "nothing was watched: the script's own tf.debugging.enable_check_numerics ended it before its step could be "
        "kept; without it, the step is examined"
    )
