from __future__ import annotations

from typing import Any

import pytest

MODEL = "model = keras.Sequential([layers.Dense(8, activation='relu'), layers.Dense({head})])\n"


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ("3, activation='softmax'", "keras.losses.CategoricalCrossentropy(from_logits=True)"),
        ("1, activation='sigmoid'", "tf.losses.BinaryCrossentropy(from_logits=True)"),
        ("3", "keras.losses.SparseCategoricalCrossentropy()"),
        ("1", "'binary_crossentropy'"),
        ("1, activation=None", "keras.losses.binary_crossentropy"),
    ],
)
def test_head_and_from_logits_contradict_each_other(look: Any, head: str, loss: str) -> None:
    (found,) = look(f"{MODEL.format(head=head)}model.compile(optimizer='adam', loss={loss})")

    assert (found.cause, found.severity) == ("from-logits-mistake", "warning")


def test_probabilities_in_a_function_of_logits(look: Any) -> None:
    (found,) = look(
        "def step(x, y):\n    p = tf.nn.softmax(x)\n"
        "    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=p)"
    )

    assert found.cause == "from-logits-mistake"


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ("3", "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"),
        ("3, activation='softmax'", "keras.losses.SparseCategoricalCrossentropy(from_logits=False)"),
        ("3", "keras.losses.SparseCategoricalCrossentropy(from_logits=LOGITS)"),
        ("1", "'mean_squared_error'"),
        ("1", "'hinge'"),
        ("1", "my_loss"),
    ],
)
def test_what_fits_or_is_not_known_is_fine(look: Any, head: str, loss: str) -> None:
    assert look(f"{MODEL.format(head=head)}model.compile(optimizer='adam', loss={loss})") == []


def test_another_layer_after_the_head_is_the_head(look: Any) -> None:
    source = "model = keras.Sequential([layers.Dense(3), layers.Lambda(f)])\nmodel.compile(loss='binary_crossentropy')"

    assert look(source) == []
