"""Running one graph op eagerly, and reading its result without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context, execute

from nandoctor.stats import Array


def attributes(op: tf.Operation) -> tuple[Any, ...]:
    """The op's attributes as `run_op` takes them: name, value, name, value."""
    flat: list[Any] = []
    for attribute in op.op_def.attr:
        value = op.get_attr(attribute.name)
        if attribute.type == "type":
            value = tf.as_dtype(value).as_datatype_enum
        elif attribute.type == "list(type)":
            value = [tf.as_dtype(item).as_datatype_enum for item in value]
        elif attribute.type == "shape":
            value = tf.TensorShape(value)
        elif attribute.type == "list(shape)":
            value = [tf.TensorShape(item) for item in value]
        elif attribute.type == "func":
            value = value.name
        flat += [attribute.name, value]
    return tuple(flat)


def run_op(op_type: str, outputs: int, inputs: list[Any], attrs: tuple[Any, ...]) -> list[Any]:
    """Execute one op by its type name; its output tensors."""
    return execute.execute(op_type, outputs, inputs, attrs, context.context())


def view(tensor: Any) -> Array:
    """The values of an eager tensor as an array that shares its memory where it is on the CPU: do not write to it."""
    return tensor._numpy()


def constant_value(op: tf.Operation) -> Any:
    """The value of a Const op as an eager tensor."""
    return tf.constant(tf.make_ndarray(op.get_attr("value")), dtype=op.outputs[0].dtype)


def is_floating(dtype: tf.DType) -> bool:
    """Whether values of the dtype can be NaN or infinite and can be read as an array: floats and complex."""
    return dtype.is_floating or dtype.is_complex


def real_parts(array: Array) -> Array:
    """The array with complex numbers as pairs of reals and bfloat16 widened to float32, for numpy's arithmetic."""
    if array.dtype.kind == "f":
        return array
    if array.dtype.kind == "c":
        return np.ascontiguousarray(array).view(array.real.dtype)
    if array.dtype.kind == "V" or array.dtype.name.startswith(("bfloat16", "float8")):
        return array.astype(np.float32)
    return array
