from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("expression", "severity"),
    [
        ("tf.norm(x[0] - x[1], axis=-1)", "warning"),
        ("ops.norm(x, axis=-1)", "warning"),
        ("tf.linalg.norm(x, axis=1)", "warning"),
        ("tf.math.reduce_std(x, axis=1)", "warning"),
        ("tf.norm(x)", "note"),
    ],
)
def test_a_norm_that_a_gradient_goes_through(in_a_layer: Any, expression: str, severity: str) -> None:
    assert [(one.cause, one.severity) for one in in_a_layer(expression)] == [("unguarded-norm", severity)]


def test_a_norm_that_is_a_divisor_is_named_once(in_a_layer: Any) -> None:
    assert [one.cause for one in in_a_layer("x / tf.norm(x, axis=-1)")] == ["unguarded-division"]


@pytest.mark.parametrize("norm", ["tf.norm(x, axis=-1, keepdims=True)", "tf.math.reduce_std(x, axis=1)"])
def test_an_epsilon_beside_the_norm_of_a_row_does_not_help_its_gradient(in_a_layer: Any, norm: str) -> None:
    found = in_a_layer(f"x / ({norm} + 1e-7)")

    assert [(one.cause, one.severity) for one in found] == [("unguarded-norm", "warning")]


@pytest.mark.parametrize(
    "source",
    [
        "class Keep(keras.constraints.Constraint):\n    def __call__(self, w):\n        return tf.norm(w, axis=0)",
        "def report(w):\n    print(tf.norm(w, axis=0))",
        "class L(layers.Layer):\n    def call(self, x):\n        return np.linalg.norm(x)",
    ],
)
def test_where_no_gradient_is_taken_it_is_fine(look: Any, source: str) -> None:
    assert look(source) == []
