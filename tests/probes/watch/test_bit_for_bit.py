"""A watched training gives the weights of the unwatched one, to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.probes.watch.start import Watching
from nandoctor.probes.watch.wanted import Wanted

pytestmark = pytest.mark.tensorflow

RANDOM = np.random.default_rng(7)
TABLE = RANDOM.normal(size=(200, 8)).astype("float32")
TARGET = TABLE[:, :1] * 2 + 1
IMAGES = RANDOM.normal(size=(96, 12, 12, 3)).astype("float32")
SERIES = RANDOM.normal(size=(96, 10, 4)).astype("float32")
CLASSES = RANDOM.integers(0, 3, 96)


def dense(jit: bool = False) -> Any:
    import keras

    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.3), keras.layers.Dense(1)]
    )
    model.compile("adam", "mse", jit_compile=jit)
    model.fit(TABLE, TARGET, batch_size=32, epochs=3, verbose=0)
    return model


def convolutions(jit: bool = False) -> Any:
    import keras

    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.2),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, clipnorm=1.0), loss, jit_compile=jit)
    model.fit(IMAGES, CLASSES, batch_size=16, epochs=3, verbose=0)
    return model


def two_heads() -> Any:
    import keras

    x = keras.Input((8,))
    hidden = keras.layers.Dense(16, "relu", kernel_regularizer="l2")(x)
    model = keras.Model(x, [keras.layers.Dense(1)(hidden), keras.layers.Dense(3, "softmax")(hidden)])
    model.compile("adam", ["mse", "sparse_categorical_crossentropy"])
    model.fit(TABLE[:96], [TARGET[:96], CLASSES], batch_size=32, epochs=3, verbose=0)
    return model


def recurrent() -> Any:
    import keras

    model = keras.Sequential([keras.Input((10, 4)), keras.layers.LSTM(12), keras.layers.Dense(3, "softmax")])
    model.compile("rmsprop", "sparse_categorical_crossentropy", steps_per_execution=3)
    model.fit(SERIES, CLASSES, batch_size=16, epochs=3, verbose=0)
    return model


def custom_loop(compiled: bool = True) -> Any:
    import keras
    import tensorflow as tf

    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)])
    optimizer = keras.optimizers.AdamW(0.01, use_ema=True)

    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            noise = tf.random.normal(tf.shape(x), stddev=0.01)
            loss = tf.reduce_mean((model(x + noise, training=True) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    run = tf.function(step) if compiled else step
    for _ in range(2):
        for start in range(0, 192, 32):
            run(tf.constant(TABLE[start : start + 32]), tf.constant(TARGET[start : start + 32]))
    return model


def mixed_precision() -> Any:
    import keras

    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        return dense()
    finally:
        keras.mixed_precision.set_global_policy("float32")


TRAININGS: dict[str, Callable[[], Any]] = {
    "dense": dense,
    "convolutions": convolutions,
    "two heads": two_heads,
    "recurrent": recurrent,
    "tf.function": custom_loop,
    "eager loop": lambda: custom_loop(compiled=False),
    "mixed precision": mixed_precision,
    "dense, XLA": lambda: dense(jit=True),
    "convolutions, XLA": lambda: convolutions(jit=True),
}


def weights(train: Callable[[], Any]) -> list[Any]:
    import keras

    keras.utils.set_random_seed(11)
    model = train()
    state = [variable.numpy() for variable in model.variables]
    optimizer = getattr(model, "optimizer", None)
    return state + [np.asarray(one) for one in (optimizer.variables if optimizer is not None else ())]


@cache
def unwatched(name: str) -> list[bytes]:
    """What the training gives without a watch; it is the same whatever it is compared with."""
    return [one.tobytes() for one in weights(TRAININGS[name])]


@pytest.fixture(params=["stop", "skip"])
def watching(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watching]:
    watching = Watching("train.py", Wanted(on_trip=request.param, capsules=tmp_path))
    yield watching
    watching.end()


@pytest.mark.parametrize("name", TRAININGS)
def test_weights_and_slots_are_the_same(name: str, watching: Watching) -> None:
    plain = unwatched(name)
    watching.begin()
    watched = weights(TRAININGS[name])
    watching.end()
    assert watching.watch is not None
    assert watching.watch.failure is None
    assert watching.steps > 0
    assert [one.tobytes() for one in watched] == plain


@pytest.mark.parametrize("name", ["convolutions", "recurrent", "eager loop"])
def test_looks_at_steps_in_between_change_nothing(name: str, tmp_path: Path) -> None:
    plain = unwatched(name)
    looked_at: list[Any] = []
    watching = Watching("train.py", Wanted(check_up=8, capsules=tmp_path), looked_at.append)
    watching.begin()
    watched = weights(TRAININGS[name])
    watching.end()
    assert sum(facts.step is not None for facts in looked_at) >= 2
    assert [one.tobytes() for one in watched] == plain
