from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "expression",
    [
        "tf.where(x > 0, tf.math.log(x), 0.0)",
        "ops.where(x > 0, ops.sqrt(x), ops.zeros_like(x))",
        "tf.where(tf.equal(x, 0), 0.0, tf.nn.tanh(x) / x)",
        "tf.where(x > 0, tf.pow(x, 0.5), x)",
        "tf.where(condition=x > 0, x=tf.math.log(x), y=0.0)",
        "tf.where(x < 10, tf.exp(x), 1.0)",
        "tf.where(x[1] > 0, x[0] / (x[1] - self.shift(x)), 0.0)",
    ],
)
def test_a_guarded_result_with_a_bare_operand_is_a_warning(in_a_layer: Any, expression: str) -> None:
    assert [(one.cause, one.severity) for one in in_a_layer(expression)] == [("single-where-guard", "warning")]


def test_the_operation_may_stand_in_an_earlier_line(look: Any) -> None:
    (found,) = look(
        "class Layer(layers.Layer):\n    def call(self, x):\n        positive = x > 0\n"
        "        logarithm = 2.0 * tf.math.log(x)\n        return tf.where(positive, logarithm, 0.0)"
    )

    assert (found.cause, found.location.line, found.evidence["where_line"]) == ("single-where-guard", 11, 12)


@pytest.mark.parametrize(
    "expression",
    [
        "tf.where(x > 0, tf.math.log(tf.where(x > 0, x, 1.0)), 0.0)",
        "tf.where(x > 0, tf.math.log(tf.maximum(x, 1e-7)), 0.0)",
        "tf.where(x > 0, x, 0.0)",
        "tf.where(x > 0, tf.square(x), 0.0)",
        "tf.math.divide_no_nan(x, x)",
    ],
)
def test_a_double_where_is_fine(in_a_layer: Any, expression: str) -> None:
    assert in_a_layer(expression) == []
