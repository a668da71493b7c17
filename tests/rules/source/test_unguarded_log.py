from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "expression",
    [
        "-tf.reduce_mean(y_true * tf.math.log(y_pred))",
        "-ops.mean(y_true * ops.log(y_pred))",
        "-K.mean(y_true * K.log(y_pred), axis=-1)",
        "-tf.reduce_mean((1 - y_true) * tf.math.log(1.0 - y_pred))",
        "tf.math.log(tf.nn.softmax(y_pred))",
        "tf.math.log(x=y_pred)",
        "tf.math.log(tf.cast(y_pred[:, 0], tf.float32))",
        "tf.math.log(tf.sigmoid(y_pred))",
        "tf.math.log(1 - keras.activations.sigmoid(y_pred))",
        "tf.math.log(tf.nn.relu(y_pred))",
        "tf.math.log(tf.maximum(y_pred, 0.0))",
        "tf.math.log(tf.clip_by_value(y_pred, 0.0, 1.0))",
        # 1 - 1e-8 is 1 in float32.
        "tf.math.log(1 - tf.clip_by_value(y_pred, 1e-8, 1 - 1e-8))",
        "tf.math.log(tf.random.uniform((3,)))",
        "tf.math.log(1.0 + tf.tanh(y_pred))",
    ],
)
def test_what_may_be_zero_is_a_warning(in_a_loss: Any, expression: str) -> None:
    found = in_a_loss(expression)

    assert [(one.cause, one.severity) for one in found] == [("unguarded-log", "warning")]
    assert found[0].location.line == 9
    assert found[0].location.function == "loss"


@pytest.mark.parametrize("expression", ["tf.math.log(x)", "tf.math.log1p(x)", "K.log(self.dense(x))"])
def test_what_nothing_is_known_of_is_a_note(in_a_layer: Any, expression: str) -> None:
    assert [(one.cause, one.severity) for one in in_a_layer(expression)] == [("unguarded-log", "note")]


@pytest.mark.parametrize(
    "expression",
    [
        "tf.math.log(y_pred + 1e-7)",
        "tf.math.log(y_pred + K.epsilon())",
        "tf.math.log(y_pred + tf.keras.backend.epsilon())",
        "tf.math.log(tf.maximum(y_pred, 1e-7))",
        "ops.log(ops.maximum(y_pred, keras.config.epsilon()))",
        "tf.math.log(tf.clip_by_value(y_pred, 1e-7, 1.0))",
        "K.log(1 - K.clip(y_pred, K.epsilon(), 1 - K.epsilon()))",
        "tf.math.log(1 - tf.clip_by_value(y_pred, 1e-7, 1 - 1e-7))",
        "tf.math.log(tf.nn.softplus(y_pred))",
        "tf.math.log(x=tf.clip_by_value(t=y_pred, clip_value_min=1e-7, clip_value_max=1.0))",
        "tf.math.log(1.0 + tf.square(y_pred))",
        "tf.math.log1p(tf.nn.relu(y_pred))",
        "tf.math.log1p(tf.abs(y_pred))",
        "tf.math.log(2.0 * np.pi)",
        "tf.math.log(tf.cast(tf.shape(y_pred)[0], tf.float32))",
        "tf.nn.log_softmax(y_pred)",
        "tf.math.log(tf.where(y_pred > 0, y_pred, 1.0))",
        "tf.math.log(tf.cosh(y_pred))",
        "np.log(y_pred)",
    ],
)
def test_what_is_guarded_is_fine(in_a_loss: Any, expression: str) -> None:
    assert in_a_loss(expression) == []


def test_a_guard_in_an_earlier_line_is_seen(look: Any) -> None:
    source = "def loss(y_true, y_pred, smooth=1e-6):\n    p = K.clip(y_pred, smooth, 1 - smooth)\n    return {}"

    assert look(source.format("-K.log(p) * y_true - K.log(1 - p) * (1 - y_true)")) == []
    assert [one.cause for one in look(source.format("-K.log(y_pred)"))] == ["discarded-clip", "unguarded-log"]


def test_a_branch_that_is_not_guarded_counts(look: Any) -> None:
    (found,) = look(
        "def loss(y_true, y_pred, from_logits=False):\n"
        "    if from_logits:\n        y_pred = tf.nn.softmax(y_pred)\n"
        "    else:\n        y_pred = tf.clip_by_value(y_pred, 1e-7, 1.0)\n"
        "    return -tf.math.log(y_pred)"
    )

    assert "a softmax rounds to 0" in found.message


def test_a_loss_without_a_name_is_named_once(look: Any) -> None:
    (found,) = look("model.compile(loss=lambda y, p: -tf.math.log(tf.nn.softmax(p)))")

    assert found.severity == "warning"


def test_functions_that_a_loss_calls_are_part_of_it(look: Any) -> None:
    (found,) = look("def entropy(p):\n    return tf.math.log(p)\ndef my_loss(a, b):\n    return entropy(a) + b")

    assert (found.severity, found.location.function) == ("note", "entropy")


@pytest.mark.parametrize(
    "source",
    [
        "def prepare(x):\n    return tf.math.log(x)",
        "def accuracy(y_true, y_pred):\n    return tf.reduce_mean(y_pred)\nmodel.compile(metrics=[accuracy])",
        "def mylog(x):\n    return x\ndef loss(y_true, y_pred):\n    return mylog(y_pred)",
        "def loss(y_true, y_pred, tf):\n    return tf.math.log(y_pred)",
        "class M(keras.metrics.Metric):\n    def update_state(self, y_true, y_pred):\n        tf.math.log(y_true)",
    ],
)
def test_what_is_no_part_of_training_is_not_noted(look: Any, source: str) -> None:
    assert look(source) == []
