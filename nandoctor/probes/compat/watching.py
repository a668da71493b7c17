"""What the watch needs of TensorFlow's inside: kinds of graphs, XLA, the functions of differentiation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops
from tensorflow.python import pywrap_tfe
from tensorflow.python.eager import backprop, context
from tensorflow.python.framework import ops
from tensorflow.python.ops import control_flow_util, resource_variable_ops
from tensorflow.python.ops.control_flow_v2_func_graphs import CondBranchFuncGraph


def is_branch(graph: Any) -> bool:
    """Whether the graph is a branch of a tf.cond or tf.switch_case."""
    return isinstance(graph, CondBranchFuncGraph)


def is_function_graph(graph: Any) -> bool:
    """Whether the graph is the body of a function that is being traced."""
    return hasattr(graph, "captures") and hasattr(graph, "outer_graph")


def is_compiled_by_xla(graph: Any) -> bool:
    """Whether the function that is being traced, or one around it, is to be compiled with XLA."""
    return bool(control_flow_util.GraphOrParentsInXlaContext(graph))


def barrier(tensors: Sequence[Any]) -> list[Any]:
    """The same tensors behind an XLA optimization barrier: what reads them there does not change how they are made."""
    return list(gen_xla_ops.xla_optimization_barrier(input=list(tensors))) if tensors else []


def eager_tensor(value: Any) -> bool:
    """Whether the value is a tensor with a value."""
    return tf.is_tensor(value) and hasattr(value, "numpy")


def own_variable(initial: Any, shape: Any = None) -> Any:
    """A variable of nandoctor's own, made outside of the traced function and of any strategy, whoever is tracing."""
    with tf.init_scope():
        return resource_variable_ops.ResourceVariable(initial, trainable=False, shape=shape)


def on_backward_ops(note: Callable[[Any, str, range], None]) -> Callable[[], None]:
    """Tell `note` the ops that TensorFlow's tapes make, in graphs, to differentiate one forward op.

    `note(graph, forward op, places of its backward ops among the graph's operations)` is called while Python traces.
    Returns what ends it.
    """
    plain = backprop._gradient_function

    def noting(op_name: str, attrs: Any, count: int, inputs: Any, outputs: Any, *rest: Any) -> Any:
        graph = ops.get_default_graph()
        made_by = getattr(outputs[0], "op", None) if outputs and not tf.executing_eagerly() else None
        if made_by is None:
            return plain(op_name, attrs, count, inputs, outputs, *rest)
        before = graph.num_operations()
        found = plain(op_name, attrs, count, inputs, outputs, *rest)
        note(graph, made_by.name, range(before, graph.num_operations()))
        return found

    pywrap_tfe.TFE_Py_RegisterGradientFunction(noting)
    return lambda: pywrap_tfe.TFE_Py_RegisterGradientFunction(plain)


def restored_function(definition: bytes, feeds: Sequence[str], fetches: Sequence[str]) -> Any:
    """The part of a serialized graph between the tensors `feeds` and `fetches`, as a function of the feeds.

    The functions that it calls become known to this TensorFlow.
    """
    graph = tf.compat.v1.GraphDef.FromString(definition)
    known = context.context()
    for function in graph.library.function:
        if not known.has_function(function.signature.name):
            known.add_function_def(function)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    return wrapped.prune(list(feeds), list(fetches))
