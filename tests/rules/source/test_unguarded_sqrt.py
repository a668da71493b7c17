from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "expression",
    [
        "tf.sqrt(tf.reduce_sum(tf.square(x), axis=-1))",
        "ops.sqrt(ops.sum(x * x, axis=-1))",
        "K.sqrt(K.sum(K.square(x[0] - x[1]), axis=1, keepdims=True))",
        "tf.reduce_sum(x**2, axis=-1) ** 0.5",
        "tf.sqrt(tf.nn.relu(x))",
        "tf.sqrt(tf.reduce_mean(x**2) - tf.reduce_mean(x) ** 2)",
        "tf.sqrt(tf.math.reduce_variance(x, axis=0))",
    ],
)
def test_what_may_be_zero_in_a_row_is_a_warning(in_a_layer: Any, expression: str) -> None:
    assert [(one.cause, one.severity) for one in in_a_layer(expression)] == [("unguarded-sqrt", "warning")]


@pytest.mark.parametrize("expression", ["tf.sqrt(x)", "tf.sqrt(tf.abs(x))", "tf.sqrt(tf.reduce_mean(tf.square(x)))"])
def test_a_root_over_the_batch_or_of_something_unknown_is_a_note(in_a_layer: Any, expression: str) -> None:
    assert [(one.cause, one.severity) for one in in_a_layer(expression)] == [("unguarded-sqrt", "note")]


@pytest.mark.parametrize(
    "expression",
    [
        "tf.sqrt(tf.reduce_sum(tf.square(x), axis=-1) + 1e-12)",
        "tf.sqrt(tf.maximum(tf.reduce_sum(tf.square(x), axis=-1), K.epsilon()))",
        "x / tf.sqrt(tf.cast(x.shape[-1], tf.float32))",
        "x * tf.sqrt(2.0 / np.pi)",
        "tf.sqrt(1.0 + x**2)",
        "tf.sqrt(tf.math.softplus(x))",
        "tf.stop_gradient(x) * np.sqrt(3)",
    ],
)
def test_what_is_guarded_or_a_size_is_fine(in_a_layer: Any, expression: str) -> None:
    assert in_a_layer(expression) == []


def test_outside_of_the_tape_no_gradient_is_taken(look: Any) -> None:
    source = (
        "def step(model, x):\n"
        "    with tf.GradientTape() as tape:\n        loss = {inside}\n"
        "    gradient = tape.gradient(loss, x)\n"
        "    return {outside}"
    )
    root = "tf.sqrt(tf.reduce_sum(tf.square(x), axis=-1))"

    assert look(source.format(inside="model(x)", outside=root)) == []
    assert [one.cause for one in look(source.format(inside=root, outside="gradient"))] == ["unguarded-sqrt"]
