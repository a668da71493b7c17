"""Looking into traced functions."""

from __future__ import annotations

import inspect
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import function_def_to_graph, op_def_registry
from tensorflow.python.ops import script_ops
from tensorflow.python.util import tf_decorator


def function_graph(name: str) -> Any:
    """The body of a function known to the running TensorFlow, as a FuncGraph with `inputs` and `outputs`."""
    definition = context.context().get_function_def(name)
    return function_def_to_graph.function_def_to_graph(definition)


def python_graphs(graph: Any) -> list[Any]:
    """The FuncGraph itself and those traced inside it, if Python still holds them (they know source lines)."""
    found = [graph]
    for traced in getattr(graph, "_functions", {}).values():
        inner = getattr(traced, "graph", None)
        if inner is not None and inner not in found:
            found += [one for one in python_graphs(inner) if one not in found]
    return found


def captured(concrete: Any) -> list[Any]:
    """The tensors a concrete function has captured (variable handles, constants), in the order of its last inputs."""
    return list(concrete.captured_inputs)


def own_inputs(concrete: Any) -> int:
    """How many of the function's flat inputs are its own arguments; the rest are captured."""
    return len(concrete.graph.inputs) - len(concrete.captured_inputs)


def variables_by_handle(variables: list[Any]) -> dict[int, Any]:
    """Variables by the identity of their resource handle, by which an op reads them."""
    return {id(variable.handle): variable for variable in variables if isinstance(variable, tf.Variable)}


def op_definition(op_type: str) -> Any:
    """What TensorFlow knows of an op type (its OpDef, with `is_stateful`); None where it knows none of that name."""
    return op_def_registry.get(op_type)


def python_function(op: Any) -> Any:
    """The user's own function that a `py_function` or `numpy_function` op calls; None where Python let go of it."""
    found = script_ops._py_funcs.get(op.get_attr("token").decode())
    found = getattr(found, "_func", found)
    return None if found is None else inspect.unwrap(tf_decorator.unwrap(found)[1])
