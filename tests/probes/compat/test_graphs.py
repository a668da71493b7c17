from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.probes.compat.graphs import (
    captured,
    function_graph,
    op_definition,
    own_inputs,
    python_function,
    python_graphs,
    variables_by_handle,
)

pytestmark = pytest.mark.tensorflow


def test_the_body_of_a_restored_function_can_be_read(tmp_path: Path) -> None:
    import tensorflow as tf

    class Doubled(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32)])
        def __call__(self, x: Any) -> Any:
            return tf.exp(x) * 2.0

    tf.saved_model.save(Doubled(), str(tmp_path / "model"))
    signature = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    call = next(op for op in signature.graph.get_operations() if "PartitionedCall" in op.type)

    body = function_graph(call.get_attr("f").name)

    assert len(body.inputs) == len(body.outputs) == 1
    assert {"Exp", "Mul"} <= {op.type for op in body.get_operations()}


def test_functions_traced_inside_a_function_are_found() -> None:
    import tensorflow as tf

    inner = tf.function(tf.sin)
    outer = tf.function(lambda x: tf.exp(inner(x)), autograph=False)
    graph = outer.get_concrete_function(tf.TensorSpec((2,), tf.float32)).graph

    graphs = python_graphs(graph)

    assert graphs[0] is graph
    assert any(op.type == "Sin" for one in graphs[1:] for op in one.get_operations())


def test_arguments_come_before_what_was_captured() -> None:
    import tensorflow as tf

    variable, constant = tf.Variable([1.0, 2.0]), tf.constant([3.0, 4.0])
    concrete = tf.function(lambda x, y: x * variable + y * constant).get_concrete_function(
        *[tf.TensorSpec((2,), tf.float32)] * 2
    )

    assert own_inputs(concrete) == 2
    held = captured(concrete)
    assert len(held) == 2
    assert held[0] is variable.handle
    np.testing.assert_array_equal(held[1], constant)


def test_variables_are_known_by_their_handles() -> None:
    import tensorflow as tf

    variable = tf.Variable(1.0)

    assert variables_by_handle([variable, "no variable"]) == {id(variable.handle): variable}


def test_what_tensorflow_knows_of_an_op() -> None:
    assert op_definition("WriteFile").is_stateful
    assert not op_definition("MatMul").is_stateful
    assert op_definition("NoSuchOp") is None


@pytest.mark.parametrize("way", ["numpy_function", "py_function"])
def test_the_function_that_an_op_calls_in_python(way: str) -> None:
    import tensorflow as tf

    def share(row: Any) -> Any:
        return row / 2

    traced = tf.function(lambda row: getattr(tf, way)(share, [row], tf.float32))
    graph = traced.get_concrete_function(tf.TensorSpec((3,), tf.float32)).graph
    (op,) = [one for one in graph.get_operations() if "PyFunc" in one.type]

    assert python_function(op) is share
