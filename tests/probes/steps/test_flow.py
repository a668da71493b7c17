from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nandoctor.probes.steps.flow import Flow, Key, flow_of
from nandoctor.probes.steps.interpreter import Scope
from nandoctor.probes.steps.program import Library, compile_graph

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def flow() -> Callable[..., Flow]:
    """`flow(function, arguments)`: the data flow of a Python function of that many vectors."""
    import tensorflow as tf

    def build(function: Any, arguments: int = 1) -> Flow:
        specs = [tf.TensorSpec((None,), tf.float32)] * arguments
        concrete = tf.function(function, autograph=False).get_concrete_function(*specs)
        return flow_of(Scope((), compile_graph(concrete.graph, "test"), False, {}), Library())

    return build


def key_of(flow: Flow, op_type: str) -> Key:
    return next(key for key, node in flow.nodes.items() if node.instruction.op_type == op_type)


def types(nodes: Any) -> list[str]:
    return [node.instruction.op_type for node in nodes]


def test_calls_are_seen_through(flow: Callable[..., Flow]) -> None:
    import tensorflow as tf

    inner = tf.function(tf.exp)
    found = flow(lambda x: tf.sqrt(inner(tf.sin(x))))

    before = found.upstream(found.nodes[key_of(found, "Sqrt")].inputs[0], {"Identity"})
    assert before is not None
    assert before.key == key_of(found, "Exp")
    assert before.inputs == (key_of(found, "Sin"),)
    assert before.scope.path == ("PartitionedCall",)


def test_downstream_goes_through_the_given_types_and_no_further(flow: Callable[..., Flow]) -> None:
    import tensorflow as tf

    found = flow(lambda x: tf.sqrt(tf.exp(tf.reshape(x, (-1, 1)))))

    assert types(found.downstream(0, {"Reshape"})) == ["Reshape", "Exp"]


def test_upstream_skips_the_given_types(flow: Callable[..., Flow]) -> None:
    import tensorflow as tf

    found = flow(lambda x: tf.reshape(tf.identity(tf.exp(x)), (-1, 1)))
    before = found.upstream(found.outputs[0], {"Reshape", "Identity"})

    assert before is not None
    assert before.instruction.op_type == "Exp"
    assert flow(tf.identity).upstream(0, {"Identity"}) is None


def test_ancestors_tell_which_arguments_matter(flow: Callable[..., Flow]) -> None:
    import tensorflow as tf

    found = flow(lambda x, y, z: tf.exp(x) * tf.sqrt(z) + 0.0 * tf.sin(y), 3)
    nodes, arguments = found.ancestors(key_of(found, "Exp"))

    assert arguments == {0}
    assert nodes == {key_of(found, "Exp")}
    assert found.ancestors(key_of(found, "AddV2"))[1] == {0, 1, 2}


def test_a_loop_and_branches_pass_on_what_enters_them(flow: Callable[..., Flow]) -> None:
    import tensorflow as tf

    def function(x: Any, y: Any) -> Any:
        looped = tf.while_loop(lambda i, _: i < 2, lambda i, a: (i + 1, tf.tanh(a)), [0, x])[1]
        return tf.cond(y[0] > 0, lambda: tf.exp(looped), lambda: tf.sin(looped))

    found = flow(function, 2)

    assert 0 in found.ancestors(key_of(found, "Tanh"))[1]
    assert key_of(found, "Tanh") in found.ancestors(key_of(found, "Exp"))[0]
    assert key_of(found, "Tanh") in found.ancestors(key_of(found, "Sin"))[0]
    assert found.nodes[key_of(found, "Tanh")].scope.in_loop


def test_the_ops_of_two_branches_are_told_apart(flow: Callable[..., Flow]) -> None:
    import tensorflow as tf

    found = flow(lambda x: tf.cond(x[0] > 0, lambda: tf.exp(x), lambda: tf.sin(x)))

    assert {"Exp", "Sin"} <= set(types(found.nodes.values()))
