"""What names in source stand for."""

from __future__ import annotations

import ast

import pytest

from nandoctor.probes.source.names import Names, tensor_function


def resolved(source: str) -> str | None:
    """What the function that the last line calls stands for."""
    tree = ast.parse(source)
    call = tree.body[-1].value
    return Names.of(tree).resolve(call.func)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import tensorflow as tf\ntf.math.log(x)", "tensorflow.math.log"),
        ("import tensorflow\ntensorflow.math.log(x)", "tensorflow.math.log"),
        ("import tensorflow.compat.v1 as tf\ntf.log(x)", "tensorflow.log"),
        ("from tensorflow import math as m\nm.log(x)", "tensorflow.math.log"),
        ("from tensorflow.math import log as ln\nln(x)", "tensorflow.math.log"),
        ("import keras\nkeras.ops.log(x)", "keras.ops.log"),
        ("from keras import ops\nops.log(x)", "keras.ops.log"),
        ("import keras.ops as K\nK.log(x)", "keras.ops.log"),
        ("import tensorflow as tf\ntf.keras.layers.Dense(1)", "keras.layers.Dense"),
        ("from tensorflow.keras.layers import Dense\nDense(1)", "keras.layers.Dense"),
        ("from tensorflow.keras import backend as K\nK.log(x)", "keras.backend.log"),
        ("from tensorflow.python.keras import layers\nlayers.Dense(1)", "keras.layers.Dense"),
        ("import tf_keras as keras\nkeras.layers.Dense(1)", "keras.layers.Dense"),
        ("from keras.src import layers\nlayers.Dense(1)", "keras.layers.Dense"),
        ("from tensorflow.keras.layers import *\nDense(1)", "keras.layers.Dense"),
        ("from tensorflow.keras.layers import *\nlen(x)", "len"),
        ("import tensorflow as tf\nlog = tf.math.log\nlog(x)", "tensorflow.math.log"),
        ("import tensorflow as tf\nkeras = tf.keras\nL = keras.layers\nL.Dense(1)", "keras.layers.Dense"),
        ("try:\n    import keras\nexcept ImportError:\n    from tensorflow import keras\nkeras.Model()", "keras.Model"),
        ("import tensorflow as tf\ntf = make()\ntf.math.log(x)", None),
        ("import tensorflow as tf\nfor tf in all:\n    pass\ntf.math.log(x)", None),
        ("from tensorflow.math import log\ndef log(x):\n    return x\nlog(x)", "log"),
        ("from .losses import log\nlog(x)", ".losses.log"),
        ("make()(x)", None),
    ],
)
def test_a_name_stands_for_what_its_imports_lead_to(source: str, name: str | None) -> None:
    assert resolved(source) == name


def test_parameters_and_variables_of_a_function_hide_what_is_outside() -> None:
    tree = ast.parse(
        "import tensorflow as tf\n"
        "def f(tf, x):\n    return tf.exp(x)\n"
        "def g(x):\n    from keras import ops as tf\n    return tf.exp(x)\n"
        "h = lambda tf: tf.exp(x)\n"
        "def i(x):\n    return tf.exp(x)\n"
    )
    names = Names.of(tree)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda)]
    found = {}
    for function in functions:
        (call,) = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        found[getattr(function, "name", "lambda")] = names.inside(function).resolve(call.func)

    assert found == {"f": None, "g": "keras.ops.exp", "lambda": None, "i": "tensorflow.exp"}


@pytest.mark.parametrize(
    ("dotted", "name"),
    [
        ("tensorflow.math.log", "log"),
        ("tensorflow.reduce_sum", "reduce_sum"),
        ("tensorflow.linalg.norm", "norm"),
        ("keras.ops.log", "log"),
        ("keras.ops.numpy.log", "log"),
        ("keras.backend.epsilon", "epsilon"),
        ("numpy.log", "log"),
        ("keras.losses.log_cosh", None),
        ("math.log", None),
        ("len", None),
        (None, None),
    ],
)
def test_functions_of_tensors_have_one_name_in_all_libraries(dotted: str | None, name: str | None) -> None:
    assert tensor_function(dotted) == name
