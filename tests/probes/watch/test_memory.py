"""What the watch keeps on the device: a batch and the numbers of 512 steps, whatever the size of the weights."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.probes.watch.recorder import STEPS
from nandoctor.probes.watch.start import Watching
from nandoctor.probes.watch.wanted import Wanted

pytestmark = pytest.mark.tensorflow

FEATURES, WIDTH, BATCH = 1000, 2000, 8


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    # A watch that another test has left behind would keep its own batch beside this one's.
    for other in [one for one in gc.get_objects() if isinstance(one, Watching)]:
        other.end()
    watching = Watching("train.py", Wanted(capsules=tmp_path))
    yield watching
    watching.end()


def variables() -> dict[int, Any]:
    """All variables that are alive, by their identity."""
    import tensorflow as tf

    gc.collect()
    return {id(one): one for one in gc.get_objects() if isinstance(one, tf.Variable)}


@pytest.mark.parametrize("eagerly", [False, True], ids=["traced", "eager"])
def test_nothing_is_as_large_as_the_weights(watching: Watching, eagerly: bool) -> None:
    import keras

    before = variables()
    watching.begin()
    layers = [keras.layers.Dense(WIDTH, "relu"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((FEATURES,)), *layers])
    model.compile("adam", "mse", run_eagerly=eagerly)
    x = np.random.default_rng(0).normal(size=(4 * BATCH, FEATURES)).astype("float32")
    model.fit(x, x[:, :1], batch_size=BATCH, verbose=0)

    of_keras = {id(one.value) for one in [*model.variables, *model.optimizer.variables, *model.metrics_variables]}
    own = [one for number, one in variables().items() if number not in before and number not in of_keras]
    taken = sum(one.numpy().nbytes for one in own)

    batch = (FEATURES + 1) * 4 * BATCH
    numbers = STEPS * (2 + 2 * len(model.trainable_variables)) * 4
    assert numbers < taken < batch + numbers + 200
    assert taken < sum(one.numpy().nbytes for one in model.trainable_variables) / 100


def test_a_watch_that_is_over_holds_neither_the_model_nor_its_batch(tmp_path: Path) -> None:
    import keras

    watching = Watching("train.py", Wanted(capsules=tmp_path))
    watching.begin()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.ones((8, 4), "float32"), np.ones((8, 1), "float32"), verbose=0)
    watching.end()
    assert watching.watch is not None
    gone = [weakref.ref(one) for one in (watching, watching.watch, watching.watch.tracings[0], model)]

    del watching, model
    keras.backend.clear_session()
    gc.collect()

    assert [one() for one in gone] == [None] * 4
