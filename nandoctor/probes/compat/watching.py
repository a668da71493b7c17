"""What the watch needs of TensorFlow's inside: kinds of graphs, XLA, the functions of differentiation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops
from tensorflow.python import pywrap_tfe
from tensorflow.python.eager import backprop, context, record
from tensorflow.python.framework import ops
from tensorflow.python.ops import control_flow_util, control_flow_util_v2, resource_variable_ops
from tensorflow.python.ops.control_flow_v2_func_graphs import CondBranchFuncGraph

BRANCHING = {"If", "StatelessIf"}


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


def unless(usual: Any, look: Callable[[], Any]) -> Any:
    """True where `usual` is, else what `look()` gives (a boolean): a tf.cond that hardly costs anything where it is.

    TensorFlow puts the branches of a tf.cond into the graph around it, where the ops of the one that is not taken are
    passed over one by one. It can as well leave them apart, but then all of a branch runs on one device.
    """
    found = tf.cond(usual, lambda: True, look)
    if len(tf.config.list_logical_devices()) == 1:
        (branching,) = (one for one in (found.op, *(given.op for given in found.op.inputs)) if one.type in BRANCHING)
        control_flow_util_v2.maybe_set_lowering_attr(branching, lower_using_switch_merge=False)
    return found


def unrecorded() -> AbstractContextManager[None]:
    """In its `with` block no open tape records what is computed."""
    return record.stop_recording()


def running_eagerly() -> AbstractContextManager[None]:
    """In its `with` block ops run at once, also where the script has switched to TensorFlow 1's graphs."""
    return context.eager_mode()


def eager_tensor(value: Any) -> bool:
    """Whether the value is a tensor with a value."""
    return tf.is_tensor(value) and hasattr(value, "numpy")


def own_variable(initial: Any, shape: Any = None) -> Any:
    """A variable of nandoctor's own, made outside of the traced function and of any strategy, whoever is tracing."""
    with tf.init_scope():
        return resource_variable_ops.ResourceVariable(initial, trainable=False, shape=shape)


def on_eager_backward(
    begin: Callable[[str, Sequence[Any], Sequence[Any]], None], end: Callable[[], None]
) -> Callable[[], None]:
    """Tell `begin` the op (type, inputs, outputs; None for what was not kept) that a tape differentiates eagerly.

    `end` is called when that is done. Returns what ends it all.
    """
    plain = backprop._gradient_function

    def telling(op_name: str, attrs: Any, count: int, inputs: Any, outputs: Any, *rest: Any) -> Any:
        if not tf.executing_eagerly():
            return plain(op_name, attrs, count, inputs, outputs, *rest)
        begin(op_name, inputs, outputs)
        try:
            return plain(op_name, attrs, count, inputs, outputs, *rest)
        finally:
            end()

    backprop._gradient_function = telling
    pywrap_tfe.TFE_Py_RegisterGradientFunction(telling)

    def undo() -> None:
        backprop._gradient_function = plain
        pywrap_tfe.TFE_Py_RegisterGradientFunction(plain)

    return undo


def on_backward_ops(note: Callable[[Any, str, range], None]) -> Callable[[], None]:
    """Tell `note` the ops that TensorFlow's tapes make, in graphs, to differentiate one forward op.

    `note(graph, forward op, places of its backward ops among the graph's operations)` is called while Python traces.
    Returns what ends it.
    """
    plain = backprop._gradient_function

    def noting(op_name: str, attrs: Any, count: int, inputs: Any, outputs: Any, *rest: Any) -> Any:
        made_by = None if tf.executing_eagerly() else _differentiated(op_name, inputs, outputs)
        if made_by is None:
            return plain(op_name, attrs, count, inputs, outputs, *rest)
        graph = ops.get_default_graph()
        before = graph.num_operations()
        found = plain(op_name, attrs, count, inputs, outputs, *rest)
        note(graph, made_by.name, range(before, graph.num_operations()))
        return found

    backprop._gradient_function = noting
    pywrap_tfe.TFE_Py_RegisterGradientFunction(noting)

    def undo() -> None:
        backprop._gradient_function = plain
        pywrap_tfe.TFE_Py_RegisterGradientFunction(plain)

    return undo


def _differentiated(op_type: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
    """The forward op that a tape differentiates, None if it cannot be told.

    A tape keeps None in the place of what the gradient does not need: of a Log, for one, it keeps the argument alone.
    """
    for one in outputs or ():
        if hasattr(one, "op"):
            return one.op
    kept = {place: one.name for place, one in enumerate(inputs or ()) if hasattr(one, "op")}
    readers = [op for one in inputs or () if hasattr(one, "op") for op in one.consumers() if op.type == op_type]
    for op in readers:
        read = [one.name for one in op.inputs]
        if all(read[place : place + 1] == [name] for place, name in kept.items()):
            return op
    return None


def restored_function(definition: bytes, feeds: Sequence[str], fetches: Sequence[str]) -> Any:
    """A serialized graph as a function from its placeholders `feeds` to its tensors `fetches`.

    The functions that it calls become known to this TensorFlow. The graph is brought in once, on the function's own
    arguments: cutting it out of one that was brought in whole takes several times as long.
    """
    graph = tf.compat.v1.GraphDef.FromString(definition)
    known = context.context()
    for function in graph.library.function:
        if not known.has_function(function.signature.name):
            known.add_function_def(function)
    placeholders = {f"{node.name}:0": node for node in graph.node if f"{node.name}:0" in set(feeds)}
    inner = [node for node in graph.node if f"{node.name}:0" not in placeholders]
    del graph.node[:]
    graph.node.extend(inner)
    used = {name if ":" in name else f"{name}:0" for node in inner for name in node.input}

    def imported(*given: Any) -> list[Any]:
        by_name = dict(zip(feeds, given, strict=True))
        made = [name for name in fetches if name not in by_name]
        replaced = {name: tensor for name, tensor in by_name.items() if name in used}
        found = tf.graph_util.import_graph_def(graph, input_map=replaced, return_elements=made, name="")
        by_name.update(zip(made, found, strict=True))
        return [by_name[name] for name in fetches]

    signature = [
        tf.TensorSpec(node.attr["shape"].shape, node.attr["dtype"].type, node.name)
        for node in (placeholders[name] for name in feeds)
    ]
    return tf.compat.v1.wrap_function(imported, signature)


def is_jit_compiled(function: Any) -> bool:
    """Whether a tf.function was asked to be compiled with XLA."""
    return bool(function._jit_compile)


def function_graphs(function: Any) -> list[Any]:
    """The graphs of what a tf.function has traced so far."""
    return [concrete.graph for concrete in function._list_all_concrete_functions()]


def loss_scale_optimizers() -> tuple[type, ...]:
    """The two classes of tf-keras that scale the loss: around its optimizers of old, and around those of today."""
    from tf_keras.src.mixed_precision import loss_scale_optimizer

    return loss_scale_optimizer.LossScaleOptimizer, loss_scale_optimizer.LossScaleOptimizerV3


def replica_number() -> int:
    """The number of the replica whose step is being traced, on this worker; 0 where the training is not distributed."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return 0
    number = tf.get_static_value(replica.replica_id_in_sync_group)
    place, workers = worker_number()
    return 0 if number is None else int(number) - place * (replica.num_replicas_in_sync // workers)


def worker_number() -> tuple[int, int]:
    """The number of this worker, from 0, and how many workers train together; (0, 1) for one alone."""
    strategy = tf.distribute.get_strategy()
    if tf.distribute.get_replica_context() is None or not strategy.extended._in_multi_worker_mode():
        return 0, 1
    resolver = strategy.cluster_resolver
    jobs = resolver.cluster_spec().as_dict()
    chiefs, workers = len(jobs.get("chief", [])), len(jobs.get("worker", []))
    place = int(resolver.task_id) + (chiefs if resolver.task_type == "worker" else 0)
    return place, max(chiefs + workers, 1)


def sum_over_workers(tensor: Any) -> Any:
    """The sum of the tensor over all replicas of a distributed training."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensor)
