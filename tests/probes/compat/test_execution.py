from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nandoctor.probes.compat.execution import (
    attributes,
    constant_value,
    is_floating,
    real_parts,
    record_op,
    run_op,
    telling_gradients,
    view,
)

pytestmark = pytest.mark.tensorflow


def op_of(function: Any, op_type: str, *arrays: np.ndarray) -> Any:
    """The first op of that type in the graph of a function of these arrays."""
    import tensorflow as tf

    specs = [tf.TensorSpec(array.shape, array.dtype) for array in arrays]
    graph = tf.function(function, autograph=False).get_concrete_function(*specs).graph
    return next(op for op in graph.get_operations() if op.type == op_type)


X = np.arange(12, dtype=np.float32).reshape(3, 4)
IMAGE = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2)


@pytest.mark.parametrize(
    ("op_type", "call", "arrays"),
    [
        ("MatMul", lambda tf, a, b: tf.matmul(a, b, transpose_b=True), (X, X)),
        ("Split", lambda tf, a: tf.raw_ops.Split(axis=1, value=a, num_split=2), (X,)),
        ("Conv2D", lambda tf, a, k: tf.nn.conv2d(a, k, 2, "SAME"), (IMAGE, np.ones((2, 2, 2, 3), np.float32))),
        ("Cast", lambda tf, a: tf.cast(a, tf.float16), (X,)),
        ("StridedSlice", lambda tf, a: a[1:, ::2], (X,)),
        ("ShapeN", lambda tf, a, b: tf.raw_ops.ShapeN(input=[a, b]), (X, X)),
    ],
)
def test_an_op_of_a_graph_runs_eagerly_with_its_attributes(op_type: str, call: Any, arrays: Any) -> None:
    import tensorflow as tf

    op = op_of(lambda *given: call(tf, *given), op_type, *arrays)
    expected = tf.nest.flatten(call(tf, *map(tf.constant, arrays)))
    known = dict(zip([id(one) for one in op.graph.inputs], map(tf.constant, arrays), strict=True))
    inputs = [known[id(one)] if id(one) in known else constant_value(one.op) for one in op.inputs]

    outputs = run_op(op_type, len(op.outputs), inputs, attributes(op))

    assert len(outputs) == len(expected)
    for one, other in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_attributes_hold_shapes_lists_and_functions() -> None:
    import tensorflow as tf

    inner = tf.function(tf.exp)
    call = dict(_pairs(attributes(op_of(lambda a: inner(a) + a, "PartitionedCall", X))))
    listed = dict(_pairs(attributes(op_of(lambda a: tf.raw_ops.IdentityN(input=[a, a]), "IdentityN", X))))
    placed = dict(_pairs(attributes(op_of(lambda a: tf.ensure_shape(a, (3, None)), "EnsureShape", X))))

    assert call["f"].startswith("__inference_exp")
    assert listed["T"] == [tf.float32.as_datatype_enum] * 2
    assert placed["shape"].as_list() == [3, None]


def _pairs(flat: tuple[Any, ...]) -> Any:
    return zip(flat[::2], flat[1::2], strict=True)


def test_a_view_shares_the_memory_of_the_tensor() -> None:
    import tensorflow as tf

    tensor = tf.constant(X)

    np.testing.assert_array_equal(view(tensor), X)
    assert view(tensor).__array_interface__["data"] == view(tensor).__array_interface__["data"]


@pytest.mark.parametrize("value", [1.5, [1, 2], ["a", "b"], [[True]]])
def test_the_value_of_a_constant(value: Any) -> None:
    import tensorflow as tf

    with tf.Graph().as_default():
        constant = tf.constant(value)

    found = constant_value(constant.op)

    assert found.dtype == constant.dtype
    np.testing.assert_array_equal(found, tf.constant(value))


def test_which_dtypes_can_hold_a_nan() -> None:
    import tensorflow as tf

    assert all(is_floating(dtype) for dtype in (tf.float16, tf.bfloat16, tf.float32, tf.float64, tf.complex64))
    assert not any(is_floating(dtype) for dtype in (tf.int32, tf.bool, tf.string, tf.variant, tf.resource))


def test_numbers_that_numpy_cannot_reckon_with_are_widened() -> None:
    import tensorflow as tf

    brain = real_parts(tf.constant([1.5, np.inf], tf.bfloat16).numpy())
    pairs = real_parts(np.array([1 + 2j, complex(np.nan, 0)], np.complex64))

    assert brain.dtype == np.float32
    assert brain.tolist() == [1.5, np.inf]
    np.testing.assert_array_equal(pairs, np.array([1, 2, np.nan, 0], np.float32))
    assert real_parts(X) is X


def test_a_recorded_op_is_differentiated_and_told_under_its_name() -> None:
    import tensorflow as tf

    x = tf.constant(X)
    attrs = ("T", tf.float32.as_datatype_enum)
    told: list[tuple[str, str, int, int]] = []
    with tf.GradientTape() as tape:
        tape.watch(x)
        (y,) = run_op("Square", 1, [x], attrs)
        record_op("Square", [x], [y], attrs, "net/square")
    with telling_gradients(lambda name, op, given, found: told.append((name, op, len(given), len(found)))):
        gradient = tape.gradient(y, x)

    np.testing.assert_array_equal(gradient, 2.0 * X)
    assert told == [("net/square", "Square", 1, 1)]


def test_gradients_are_told_no_more_when_that_is_over() -> None:
    import tensorflow as tf

    told: list[str] = []
    with telling_gradients(lambda name, op, given, found: told.append(op)):
        pass
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.square(x)

    np.testing.assert_array_equal(tape.gradient(y, x), 2.0 * X)
    assert not told
