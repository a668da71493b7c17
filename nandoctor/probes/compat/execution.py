"""Running one graph op eagerly, and reading its result without a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python import pywrap_tfe
from tensorflow.python.eager import backprop, context, core

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
    """Execute one op by its type name; its output tensors. Who listens to eager ops does not hear of it."""
    known = context.context()
    known.ensure_initialized()
    try:
        return pywrap_tfe.TFE_Py_Execute(known._handle, known.device_name, op_type, inputs, attrs, outputs)
    except core._NotOkStatusException as error:
        raise core._status_to_exception(error) from None


def record_op(op_type: str, inputs: list[Any], outputs: list[Any], attrs: tuple[Any, ...], name: str) -> None:
    """Tell the open gradient tapes of an op that `run_op` has executed; `name` is what `telling_gradients` calls it."""
    pywrap_tfe.TFE_Py_RecordGradient(op_type, inputs, attrs, outputs, name)


@contextmanager
def telling_gradients(tell: Callable[[str, str, Sequence[Any], Sequence[Any]], None]) -> Iterator[None]:
    """Inside the block `tell` is called for each op that a tape differentiates.

    It gets the name (as `record_op` was given it), the type, the gradients that came in and those that went out; None
    stands for one that there is not.
    """
    plain = backprop._gradient_function

    def telling(op_type: str, *op: Any) -> Any:
        found = plain(op_type, *op)
        given, name = op[4], op[6]
        tell(str(name or ""), op_type, given, found if isinstance(found, list | tuple) else [found])
        return found

    backprop._gradient_function = telling
    pywrap_tfe.TFE_Py_RegisterGradientFunction(telling)
    try:
        yield
    finally:
        backprop._gradient_function = plain
        pywrap_tfe.TFE_Py_RegisterGradientFunction(plain)


def view(tensor: Any) -> Array:
    """The values of an eager tensor as an array that shares its memory where it is on the CPU: do not write to it."""
    return tensor._numpy()


def constant_value(op: tf.Operation) -> Any:
    """The value of a Const op as an eager tensor."""
    return tf.constant(tf.make_ndarray(op.get_attr("value")), dtype=op.outputs[0].dtype)


@cache
def is_number(dtype: tf.DType) -> bool:
    """Whether values of the dtype can be read as an array of numbers or truth values."""
    return dtype.is_floating or dtype.is_integer or dtype.is_complex or dtype.is_bool


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
