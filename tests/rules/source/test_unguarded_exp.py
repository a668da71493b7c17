from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("expression", "by_hand"),
    [
        ("tf.exp(x) / tf.reduce_sum(tf.exp(x), axis=-1, keepdims=True)", "softmax"),
        ("tf.math.log(tf.reduce_sum(tf.exp(x), axis=-1))", "logsumexp or softplus"),
        ("tf.math.log(1.0 + tf.exp(x))", "logsumexp or softplus"),
        ("K.log(1 + K.exp(-x))", "logsumexp or softplus"),
        ("1.0 / (1.0 + tf.exp(-x))", "sigmoid"),
        ("ops.log1p(ops.exp(x))", "logsumexp or softplus"),
    ],
)
def test_what_is_written_by_hand_is_a_warning(in_a_layer: Any, expression: str, by_hand: str) -> None:
    found = [one for one in in_a_layer(expression) if one.cause == "unguarded-exp" and one.severity == "warning"]

    assert [one.evidence["by_hand"] for one in found] == [by_hand]


def test_a_softmax_by_hand_is_known_through_its_variables(look: Any) -> None:
    found = look(
        "class Attention(layers.Layer):\n    def call(self, scores):\n        weights = ops.exp(scores)\n"
        "        total = ops.sum(weights, axis=-1, keepdims=True)\n        return weights / total"
    )

    assert [(one.cause, one.severity, one.location.line) for one in found] == [("unguarded-exp", "warning", 10)]
    assert found[0].evidence["by_hand"] == "softmax"


@pytest.mark.parametrize("expression", ["tf.exp(x)", "x[0] + tf.exp(0.5 * x[1])", "tf.exp(20.0 * tf.nn.relu6(x))"])
def test_an_unbounded_argument_is_a_note(in_a_layer: Any, expression: str) -> None:
    assert [(one.cause, one.severity) for one in in_a_layer(expression)] == [("unguarded-exp", "note")]


@pytest.mark.parametrize(
    "expression",
    [
        "tf.exp(-tf.square(x))",
        "tf.exp(-x**2 / 2)",
        "tf.exp(-tf.abs(x))",
        "tf.exp(-tf.nn.relu(x))",
        "tf.exp(tf.clip_by_value(x, -20.0, 20.0))",
        "tf.exp(tf.minimum(x, 10.0))",
        "tf.exp(tf.tanh(x))",
        "tf.exp(tf.nn.log_softmax(x))",
        "tf.exp(x - tf.reduce_max(x, axis=-1, keepdims=True))",
        "ops.exp(x - ops.stop_gradient(ops.max(x)))",
        "tf.exp(-0.5 * tf.reduce_sum(tf.square(x), axis=-1))",
        "tf.exp(1.0)",
        "np.exp(x)",
    ],
)
def test_what_is_bounded_is_fine(in_a_layer: Any, expression: str) -> None:
    assert in_a_layer(expression) == []
