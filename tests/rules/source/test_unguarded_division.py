from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "expression",
    [
        "x / tf.norm(x, axis=-1, keepdims=True)",
        "(x - tf.reduce_mean(x)) / tf.math.reduce_std(x)",
        "x / ops.std(x, axis=0)",
        "tf.divide(x, tf.sqrt(tf.reduce_sum(tf.square(x), axis=-1)))",
        "(x - tf.reduce_min(x)) / (tf.reduce_max(x) - tf.reduce_min(x))",
        "x / tf.reduce_sum(tf.nn.relu(x))",
        "tf.math.reciprocal(tf.nn.relu(x))",
        "tf.nn.relu(x) ** -1",
        "1.0 / (1.0 - tf.sigmoid(x))",
    ],
)
def test_what_may_be_zero_is_a_warning(in_a_layer: Any, expression: str) -> None:
    assert [(one.cause, one.severity) for one in in_a_layer(expression)] == [("unguarded-division", "warning")]


@pytest.mark.parametrize(
    "expression",
    [
        "x / tf.reduce_sum(x)",
        "x / (x - self.shift(x))",
        "tf.reduce_sum(x) / tf.reduce_sum(tf.cast(x > 0, tf.float32))",
        "x / tf.math.count_nonzero(x, dtype=tf.float32)",
    ],
)
def test_what_only_may_not_be_excluded_is_a_note(in_a_layer: Any, expression: str) -> None:
    assert [(one.cause, one.severity) for one in in_a_layer(expression)] == [("unguarded-division", "note")]


@pytest.mark.parametrize(
    "expression",
    [
        "x / 2.0",
        "x / 255",
        "x / self.temperature",
        "x / tf.cast(tf.shape(x)[-1], tf.float32)",
        "x / x.shape[-1]",
        "x / len(self.parts)",
        "x / tf.sqrt(tf.cast(self.depth, tf.float32))",
        "tf.math.divide_no_nan(x, tf.reduce_sum(x))",
        "x / (tf.norm(x) + 1e-7)",
        "x / tf.maximum(tf.reduce_sum(x), 1.0)",
        "x / (tf.math.reduce_std(x) + self.eps)",
        "x / (1.0 + tf.exp(-tf.nn.relu(x)))",
        "x / (1.0 + tf.abs(x))",
        "x / tf.exp(tf.tanh(x))",
        "x / np.sum([1.0, 2.0])",
        "tf.math.l2_normalize(x)",
        "x / tf.where(x == 0, 1.0, x)",
    ],
)
def test_what_is_guarded_or_a_setting_is_fine(in_a_layer: Any, expression: str) -> None:
    assert in_a_layer(expression) == []


@pytest.mark.parametrize(
    "guard",
    [
        "if total > 0:\n            return x / total",
        "if total == 0:\n            return x\n        return x / total",
        "assert total > 0\n        return x / total",
        "return x / total if total else x",
    ],
)
def test_a_divisor_that_is_compared_is_fine(look: Any, guard: str) -> None:
    call = f"def call(self, x):\n        total = tf.reduce_sum(x)\n        {guard}"

    assert look(f"class Layer(layers.Layer):\n    {call}") == []


def test_a_layer_without_a_name_is_told_as_one(look: Any) -> None:
    (found,) = look("unit = layers.Lambda(lambda t: t / tf.reduce_sum(t, axis=-1))")

    assert found.message.startswith("The quotient in the layer is not finite where its divisor `tf.reduce_sum(")
