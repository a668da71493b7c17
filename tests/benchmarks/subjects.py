"""The models that are measured; as a program, `subjects.py NAME FOLDER [--quick]` saves one with a batch of data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

DESCRIBED = {
    "resnet50": "ResNet50, batch 16",
    "transformer": "transformer, 6 layers, batch 16",
    "mlp": "MLP, 4 layers of 256, batch 256",
    "lstm": "LSTM, 200 steps, batch 32",
}


def build(name: str, quick: bool) -> tuple[Any, np.ndarray]:
    """The model with random weights, and a batch of inputs for it."""
    import keras

    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    if name == "resnet50":
        pixels = 96 if quick else 224
        model = keras.applications.ResNet50(weights=None, input_shape=(pixels, pixels, 3), classes=10)
        return model, random.normal(size=(16, pixels, pixels, 3)).astype(np.float32)
    if name in ("transformer", "transformer-4"):
        return _transformer(keras, 6 if name == "transformer" else 4), random.integers(0, 1000, (16, 128))
    if name == "cnn":
        return _cnn(keras), random.normal(size=(32, 32, 32, 3)).astype(np.float32)
    if name == "mlp":
        layers = [keras.layers.Dense(256, activation="relu") for _ in range(4)]
        model = keras.Sequential([keras.Input((256,)), *layers, keras.layers.Dense(10, activation="softmax")])
        return model, random.normal(size=(256, 256)).astype(np.float32)
    layers = [keras.layers.LSTM(64), keras.layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((200, 16)), *layers]), random.normal(size=(32, 200, 16)).astype(np.float32)


def _cnn(keras: Any) -> Any:
    h = images = keras.Input((32, 32, 3))
    for channels in (32, 64, 64):
        h = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False)(h)
        h = keras.layers.MaxPooling2D()(keras.layers.ReLU()(keras.layers.BatchNormalization()(h)))
    return keras.Model(images, keras.layers.Dense(10, activation="softmax")(keras.layers.GlobalAveragePooling2D()(h)))


def _transformer(keras: Any, layers: int) -> Any:
    tokens = keras.Input((128,), dtype="int32")
    h = keras.layers.Embedding(1000, 256)(tokens)
    for _ in range(layers):
        attended = keras.layers.MultiHeadAttention(8, 32)(h, h)
        h = keras.layers.LayerNormalization()(h + attended)
        wide = keras.layers.Dense(1024, activation="gelu")(h)
        h = keras.layers.LayerNormalization()(h + keras.layers.Dense(256)(wide))
    pooled = keras.layers.GlobalAveragePooling1D()(h)
    return keras.Model(tokens, keras.layers.Dense(10, activation="softmax")(pooled))


def main(name: str, folder: str, *flags: str) -> None:
    """Save NAME.keras and NAME.npy (the inputs) in the folder."""
    model, x = build(name, "--quick" in flags)
    model.save(Path(folder, f"{name}.keras"))
    np.save(Path(folder, f"{name}.npy"), x)


if __name__ == "__main__":
    main(*sys.argv[1:])
