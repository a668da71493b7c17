from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    tf.clip_by_value(x, 0.0, 1.0)\n    return x",
        "def f(x):\n    ops.clip(x, 0.0, 1.0)\n    return x",
        "def f(x):\n    K.clip(x, 0, 1)\n    return x",
        "def f(x):\n    safe = tf.clip_by_value(x, 0.0, 1.0)\n    return x",
        "def f(gs):\n    clipped = [tf.clip_by_norm(g, 1.0) for g in gs]\n    return gs",
        "def f(gs):\n    clipped, norm = tf.clip_by_global_norm(gs, 1.0)\n    return gs, norm",
        "np.clip(x, 0, 1)",
    ],
)
def test_a_result_that_nobody_uses_is_a_warning(look: Any, source: str) -> None:
    assert [(one.cause, one.severity) for one in look(source)] == [("discarded-clip", "warning")]


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    x = tf.clip_by_value(x, 0.0, 1.0)\n    return x",
        "def f(gs):\n    gs = [tf.clip_by_norm(g, 1.0) for g in gs]\n    return gs",
        "def f(gs):\n    gs, _ = tf.clip_by_global_norm(gs, 1.0)\n    return gs",
        "def f(x):\n    np.clip(x, 0, 1, out=x)\n    return x",
        "def f(x):\n    c = tf.clip_by_value(x, 0.0, 1.0)\n    return lambda: c",
        "CLIPPED = tf.clip_by_value(x, 0.0, 1.0)",
        "def f(self, x):\n    self.x = tf.clip_by_value(x, 0.0, 1.0)",
    ],
)
def test_a_result_that_is_used_is_fine(look: Any, source: str) -> None:
    assert look(source) == []
