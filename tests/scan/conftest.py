"""Small models with one fault planted at a known op of a known layer, that only chosen rows of the data trigger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Formula = Callable[[Any, Any, Any], Any]
Arrays = dict[str, np.ndarray]


def _dense(keras: Any) -> tuple[Any, Any]:
    x = keras.Input((4,), name="x")
    return x, keras.layers.Dense(8, activation="relu", name="hidden")(x)


def _convolution(keras: Any) -> tuple[Any, Any]:
    x = keras.Input((4, 4, 2), name="x")
    h = keras.layers.Conv2D(4, 3, padding="same", name="conv")(x)
    return x, keras.layers.ReLU(name="relu")(keras.layers.BatchNormalization(name="norm")(h))


def _recurrent(keras: Any) -> tuple[Any, Any]:
    x = keras.Input((5, 3), name="x")
    return x, keras.layers.LSTM(4, return_sequences=True, name="lstm")(x)


def _attention(keras: Any) -> tuple[Any, Any]:
    x = keras.Input((5, 4), name="x")
    h = keras.layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    return x, keras.layers.LayerNormalization(name="norm")(h)


ARCHITECTURES: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "dense": _dense,
    "convolution": _convolution,
    "recurrent": _recurrent,
    "attention": _attention,
}


def build(architecture: str, formula: Formula) -> Any:
    """The model: layers that end in one named `fault`, in a model named `encoder` but for the dense one, and a head.

    `formula(keras, a, g)` builds the layer from `a`, the activations squeezed into 0.9..1.1, and `g`, a number for
    each row that comes with the data as `gate`.
    """
    import keras

    keras.utils.set_random_seed(11)
    x, h = ARCHITECTURES[architecture](keras)
    gate = keras.Input((1,), name="gate")
    activations, number = keras.Input(h.shape[1:]), keras.Input((1,))
    a = 1.0 + 0.1 * keras.ops.tanh(activations)
    g = keras.layers.Reshape((1,) * (len(h.shape) - 1))(number)
    fault = keras.Model([activations, number], formula(keras, a, g), name="fault")
    if architecture == "dense":
        flat = keras.layers.Flatten(name="flat")(h + fault([h, gate]))
        return keras.Model({"x": x, "gate": gate}, keras.layers.Dense(2, name="head")(flat), name="net")
    encoder = keras.Model([x, gate], h + fault([h, gate]), name="encoder")
    inputs = [keras.Input(x.shape[1:], name="x"), keras.Input((1,), name="gate")]
    flat = keras.layers.Flatten(name="flat")(encoder(inputs))
    return keras.Model(
        dict(zip(("x", "gate"), inputs, strict=True)), keras.layers.Dense(2, name="head")(flat), name="net"
    )


def poison(model: Any, layer: str) -> None:
    """Make one weight of the layer at that path NaN."""
    for name in layer.split("/"):
        model = model.get_layer(name)
    weights = model.weights[0]
    values = weights.numpy()
    values.flat[1] = np.nan
    weights.assign(values)


def save(model: Any, path: Path, kind: str) -> Path:
    """The model at `path` in one of `FORMATS`."""
    import tensorflow as tf

    if kind == "keras":
        model.save(path.with_suffix(".keras"))
        return path.with_suffix(".keras")
    if kind == "export":
        model.export(path, verbose=False)
    else:
        tf.saved_model.save(model, str(path))
    return path


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`planted(name, format, architecture, formula, poisoned=)`: the path of the saved model, built once.

    `poisoned` is the path of a layer to get a NaN weight.
    """
    folder = tmp_path_factory.mktemp("planted")
    latest: dict[tuple[str, str], Any] = {}

    def plant(name: str, kind: str, architecture: str, formula: Formula, poisoned: str | None = None) -> Path:
        if (name, architecture) not in latest:
            latest.clear()
            latest[name, architecture] = build(architecture, formula)
            if poisoned:
                poison(latest[name, architecture], poisoned)
        return save(latest[name, architecture], folder / f"{name}-{kind}-{architecture}", kind)

    return plant


@pytest.fixture
def arrays() -> Callable[..., Arrays]:
    """`arrays(architecture, gate)`: inputs for that model, random x and the given gate of each row."""

    def make(architecture: str, gate: np.ndarray) -> Arrays:
        shape = {"dense": (4,), "convolution": (4, 4, 2), "recurrent": (5, 3), "attention": (5, 4)}[architecture]
        x = np.random.default_rng(5).normal(size=(len(gate), *shape)).astype(np.float32)
        return {"x": x, "gate": gate[:, np.newaxis].astype(np.float32)}

    return make
