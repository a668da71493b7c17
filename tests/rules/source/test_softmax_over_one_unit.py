from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "source",
    [
        "layer = layers.Dense(1, activation='softmax')",
        "layer = layers.Dense(units=1, activation=tf.nn.softmax)",
        "y = layers.Dense(1, 'softmax')(x)",
        "layer = layers.TimeDistributed(layers.Dense(1, activation='softmax'))",
        "layer = layers.Conv2D(1, 3, activation='softmax')",
        "model = keras.Sequential([layers.Dense(1), layers.Softmax()])",
        "model = keras.Sequential([layers.Dense(1), layers.Activation('softmax')])",
        "e = layers.Dense(1)(x)\na = tf.nn.softmax(e)",
        "UNITS = 1\nlayer = layers.Dense(UNITS, activation='softmax')",
    ],
)
def test_it_is_an_error(look: Any, source: str) -> None:
    assert [(one.cause, one.severity) for one in look(source)] == [("softmax-over-one-unit", "error")]


@pytest.mark.parametrize(
    "source",
    [
        "layer = layers.Dense(2, activation='softmax')",
        "layer = layers.Dense(1, activation='sigmoid')",
        "layer = layers.Dense(units, activation='softmax')",
        "e = layers.Dense(1)(x)\na = tf.nn.softmax(e, axis=1)",
        "e = layers.Dense(1)(x)\na = layers.Softmax(axis=1)(e)",
        "e = layers.Flatten()(layers.Dense(1)(x))\na = layers.Activation('softmax')(e)",
    ],
)
def test_along_another_axis_it_is_fine(look: Any, source: str) -> None:
    assert look(source) == []
