"""Listening to ops that run eagerly, and building the same ops into a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import func_graph, op_callbacks, op_def_library, op_def_registry
from tensorflow.python.ops import array_ops

from nandoctor.probes.compat.callbacks import OWN

MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
Listener = Callable[[str, Sequence[Any], Sequence[Any], Sequence[Any]], None]


def listen(listener: Listener) -> Callable[[], None]:
    """Call `listener(op type, inputs, attributes, outputs)` after each op of this thread; returns what ends it.

    Only ops that run eagerly are told, not those that are put into a graph, nor calls of traced functions.
    """

    def told(op_type: Any, inputs: Any, attrs: Any, outputs: Any, op_name: Any = None, *, graph: Any = None) -> None:
        # Both are None for an op that has run eagerly.
        if op_name is None and graph is None:
            kind = op_type.decode() if isinstance(op_type, bytes) else op_type
            if not kind.startswith("__"):
                listener(kind, inputs, attrs, outputs)

    setattr(told, OWN, True)
    op_callbacks.add_op_callback(told)
    not_slices = _listen_to_slices(listener)

    def end() -> None:
        op_callbacks.remove_op_callback(told)
        not_slices()

    return end


def _listen_to_slices(listener: Listener) -> Callable[[], None]:
    """Call `listener` after each slice of an eager tensor (`x[1:, 0]`), of which TensorFlow tells no callback."""
    plain = array_ops.strided_slice

    def slicing(tensor: Any, begin: Any, end: Any, strides: Any = None, *masks: Any, **named: Any) -> Any:
        found = plain(tensor, begin, end, strides, *masks, **named)
        if strides is not None and not masks and all(hasattr(one, "numpy") for one in (found, tensor, begin)):
            flags = [(name, named.get(name, 0)) for name in MASKS]
            types = [("T", found.dtype.as_datatype_enum), ("Index", begin.dtype.as_datatype_enum)]
            attrs = [part for pair in (*types, *flags) for part in pair]
            listener("StridedSlice", [tensor, begin, end, strides], attrs, [found])
        return found

    array_ops.strided_slice = slicing

    def end() -> None:
        array_ops.strided_slice = plain

    return end


def eager_scope() -> str:
    """The name scope that is open in eager execution, with a slash at its end; empty outside of any."""
    return str(context.context().scope_name)


def tensor_number(tensor: Any) -> int:
    """A number that no other eager tensor of this process has."""
    return int(tensor._id)


def tensor_numbers(tensors: Sequence[Any]) -> tuple[int, ...]:
    """`tensor_number` of each."""
    return tuple([tensor._id for tensor in tensors])


def empty_graph(name: str) -> Any:
    """A graph that captures what it is given from outside."""
    return func_graph.FuncGraph(name)


def add_op(graph: Any, op_type: str, name: str, inputs: Sequence[Any], attrs: Sequence[Any]) -> list[Any]:
    """Put an op into a graph; `attrs` are name, value, name, value, as eager execution has them. Its outputs."""
    kinds = {one.name: one.type for one in op_def_registry.get(op_type).attr}
    values = {
        key: op_def_library.value_to_attr_value(_value(value, kinds[key]), kinds[key], key)
        for key, value in zip(map(_text, attrs[::2]), attrs[1::2], strict=True)
        if key in kinds and value is not None
    }
    with graph.as_default(), tf.control_dependencies(None):
        op = graph.create_op(op_type, [graph.capture(one) for one in inputs], name=f"{name}/", attrs=values)
    return list(op.outputs)


def _text(key: Any) -> str:
    return key.decode() if isinstance(key, bytes) else str(key)


def _value(value: Any, kind: str) -> Any:
    if kind == "type":
        return tf.as_dtype(value)
    if kind == "list(type)":
        return [tf.as_dtype(one) for one in value]
    return value
