"""Which functions of a file are taken for losses, layers and training steps."""

from __future__ import annotations

import ast

import pytest

from nandoctor.probes.source.contexts import contexts
from nandoctor.probes.source.names import Names
from nandoctor.probes.source.survey import survey


def context_of(source: str, name: str = "f") -> str | None:
    """The context of the function of that name."""
    tree = ast.parse(f"import keras\nimport tensorflow as tf\n{source}\n")
    found = contexts(survey(tree), Names.of(tree))
    (function,) = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    return found.of(function)


@pytest.mark.parametrize(
    ("source", "context"),
    [
        ("def f(y_true, y_pred):\n    pass", "loss"),
        ("def f(labels, predictions):\n    pass", "loss"),
        ("def f(a, b):\n    pass\nmodel.compile(loss=f)", "loss"),
        ("def f(a, b):\n    pass\nmodel.compile(loss={'out': f})", "loss"),
        ("def f(x):\n    pass\ndef my_loss(a, b):\n    return f(a)", "loss"),
        (
            "class C(keras.losses.Loss):\n    def call(self, a, b):\n        return self.f(a)\n"
            "    def f(self, a):\n        pass",
            "loss",
        ),
        ("class C(keras.regularizers.L2):\n    def __call__(self, w):\n        def f():\n            pass", "loss"),
        ("class C(keras.Regularizer):\n    def __call__(self, w):\n        def f():\n            pass", "loss"),
        ("def f(x):\n    pass\nlayer = keras.layers.Lambda(f)", "layer"),
        ("def f(x):\n    pass\nlayer = keras.layers.Dense(3, activation=f)", "layer"),
        ("class B(keras.Layer):\n    pass\nclass C(B):\n    def call(self, x):\n        def f(): pass", "layer"),
        ("def f(x):\n    with tf.GradientTape() as tape:\n        pass", "train-step"),
        ("def f(y_true, y_pred):\n    pass\nmodel.compile(metrics=[f])", "other"),
        ("@tf.custom_gradient\ndef f(y_true, y_pred):\n    pass", "other"),
        ("def f(x):\n    pass", None),
        ("class C:\n    def f(self, x):\n        pass\ndef my_loss(a, b):\n    return a.f(b)", None),
    ],
)
def test_a_function_is_known_by_its_class_parameters_use_and_callers(source: str, context: str | None) -> None:
    assert context_of(source) == context
