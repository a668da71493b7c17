from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("expression", "severity"),
    [
        ("tf.pow(tf.nn.relu(x), 0.3)", "warning"),
        ("tf.nn.relu(x) ** -2", "warning"),
        ("tf.pow(x, 0.3)", "note"),
        ("ops.power(x, 1.5)", "note"),
        # At 0 it is well; only below is it not.
        ("tf.pow(tf.tanh(x) * tf.nn.relu(x), 1.5)", "note"),
        ("x ** (1 / 3)", "note"),
    ],
)
def test_a_base_that_may_leave_the_domain(in_a_layer: Any, expression: str, severity: str) -> None:
    assert [(one.cause, one.severity) for one in in_a_layer(expression)] == [("unguarded-pow", severity)]


@pytest.mark.parametrize(
    "expression",
    [
        "x ** 2",
        "tf.pow(x, 3)",
        "ops.power(1.0 - x, self.gamma)",
        "tf.pow(tf.nn.relu(x), 1.5)",
        "tf.pow(tf.nn.softplus(x), 0.3)",
        "tf.pow(tf.maximum(x, 1e-6), 1 / 3)",
        "10000.0 ** (x / 64)",
    ],
)
def test_a_base_within_the_domain_is_fine(in_a_layer: Any, expression: str) -> None:
    assert in_a_layer(expression) == []
