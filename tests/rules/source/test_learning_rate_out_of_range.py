from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("source", "severity", "value"),
    [
        ("keras.optimizers.Adam(learning_rate=10.0)", "warning", 10.0),
        ("tf.keras.optimizers.SGD(100)", "warning", 100.0),
        ("keras.optimizers.Adam(lr=-0.001)", "error", -0.001),
        ("keras.optimizers.RMSprop(learning_rate=0)", "warning", 0.0),
        ("keras.optimizers.Adam(1e-12)", "warning", 1e-12),
        ("keras.optimizers.schedules.ExponentialDecay(initial_learning_rate=5.0, decay_steps=1)", "warning", 5.0),
        ("tf.compat.v1.train.AdamOptimizer(2.0)", "warning", 2.0),
        ("tf.keras.optimizers.legacy.Adam(3.0)", "warning", 3.0),
    ],
)
def test_a_rate_that_cannot_be_meant(look: Any, source: str, severity: str, value: float) -> None:
    (found,) = look(f"optimizer = {source}")

    assert (found.cause, found.severity) == ("learning-rate-out-of-range", severity)
    assert found.evidence["learning_rate"] == value


def test_a_constant_of_the_module_is_followed(look: Any) -> None:
    (found,) = look("RATE = 30\noptimizer = keras.optimizers.Adam(RATE)")

    assert found.evidence["learning_rate"] == 30


@pytest.mark.parametrize(
    "source",
    [
        "keras.optimizers.Adam()",
        "keras.optimizers.Adam(0.001)",
        "keras.optimizers.SGD(learning_rate=0.5)",
        "keras.optimizers.Adadelta(1.0)",
        "keras.optimizers.Adam(rate)",
        "keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 100))",
        "keras.optimizers.get('adam')",
        "Adam(10.0)",
    ],
)
def test_a_usual_or_unknown_rate_is_fine(look: Any, source: str) -> None:
    assert look(f"optimizer = {source}") == []
