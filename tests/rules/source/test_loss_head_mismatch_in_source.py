from __future__ import annotations

from typing import Any

import pytest

MODEL = "model = keras.Sequential([layers.Dense(8, activation='relu'), layers.Dense({head})])\n"


@pytest.mark.parametrize(
    ("head", "loss", "severity"),
    [
        ("1, activation='sigmoid'", "'categorical_crossentropy'", "error"),
        ("1, 'sigmoid'", "keras.losses.SparseCategoricalCrossentropy()", "error"),
        ("3, activation='relu'", "'sparse_categorical_crossentropy'", "warning"),
        ("1, activation=tf.nn.tanh", "tf.keras.losses.BinaryCrossentropy()", "warning"),
    ],
)
def test_a_head_that_does_not_fit_its_loss(look: Any, head: str, loss: str, severity: str) -> None:
    (found,) = look(f"{MODEL.format(head=head)}model.compile('adam', {loss})")

    assert (found.cause, found.severity) == ("loss-head-mismatch-in-source", severity)


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ("1, activation='sigmoid'", "'binary_crossentropy'"),
        ("3, activation='softmax'", "'categorical_crossentropy'"),
        ("1", "'mse'"),
        ("1, activation='relu'", "'poisson'"),
        ("CLASSES, activation='softmax'", "'sparse_categorical_crossentropy'"),
        ("1, activation=make()", "'binary_crossentropy'"),
    ],
)
def test_a_head_that_fits_or_is_not_known_is_fine(look: Any, head: str, loss: str) -> None:
    assert look(f"{MODEL.format(head=head)}model.compile(optimizer='adam', loss={loss})") == []


@pytest.mark.parametrize(
    "source",
    [
        "x = keras.Input((4,))\nh = layers.Dense(8)(x)\ny = layers.Dense(3, activation='relu')(h)\n"
        "model = keras.Model(x, y)\nmodel.compile(loss='categorical_crossentropy')",
        "def build():\n    model = keras.models.Sequential()\n    model.add(layers.Dense(3, activation='relu'))\n"
        "    return model\nmodel = build()\nmodel.compile(loss='categorical_crossentropy')",
        "model = keras.Sequential([layers.Dense(3), layers.Activation('relu')])\n"
        "loss_fn = keras.losses.CategoricalCrossentropy()\n"
        "def step(x, y):\n    return loss_fn(y, model(x))",
    ],
)
def test_head_and_loss_are_paired_however_the_model_is_built(look: Any, source: str) -> None:
    assert [one.cause for one in look(source)] == ["loss-head-mismatch-in-source"]
