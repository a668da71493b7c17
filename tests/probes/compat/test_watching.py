"""What TensorFlow's tapes tell of themselves while a step is traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from nandoctor.probes.compat.watching import loss_scale_optimizers, on_backward_ops, running_eagerly, unless

pytestmark = pytest.mark.tensorflow


def forward_ops_with_types(loss: Callable[[Any], Any]) -> dict[str, set[str]]:
    """The types of the backward ops of each forward op, by its type."""
    told: dict[str, set[str]] = {}

    def note(graph: Any, forward: str, places: range) -> None:
        made = graph.get_operations()[places.start : places.stop]
        told.setdefault(graph.get_operation_by_name(forward).type, set()).update(op.type for op in made)

    @tf.function
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x)
        return tape.gradient(value, x)

    undo = on_backward_ops(note)
    try:
        step.get_concrete_function(tf.TensorSpec([3]))
    finally:
        undo()
    return told


def test_the_backward_ops_of_an_op_whose_result_is_kept() -> None:
    assert "SqrtGrad" in forward_ops_with_types(tf.sqrt)["Sqrt"]


def test_the_backward_ops_of_an_op_of_which_the_tape_keeps_the_argument_alone() -> None:
    assert "Reciprocal" in forward_ops_with_types(tf.math.log)["Log"]
    assert "Reciprocal" in forward_ops_with_types(tf.acos)["Acos"]


def test_of_two_ops_on_one_tensor_each_has_its_own() -> None:
    told = forward_ops_with_types(lambda x: tf.math.log(x) * tf.acos(x))

    assert {"Log", "Acos", "Mul"} <= told.keys()
    assert "Square" in told["Acos"] - told["Log"]


def test_what_is_built_for_the_unusual_runs_only_then() -> None:
    looked = tf.Variable(0)

    @tf.function
    def usual(value: Any) -> Any:
        return unless(tf.math.is_finite(value), lambda: looked.assign_add(1) > 1)

    assert [bool(usual(value)) for value in (1.0, float("nan"), 2.0, float("inf"))] == [True, False, True, True]
    assert looked.numpy() == 2


def test_both_loss_scale_optimizers_of_tf_keras() -> None:
    import tf_keras

    old, new = tf_keras.optimizers.legacy.SGD(), tf_keras.optimizers.SGD()
    made = [type(tf_keras.mixed_precision.LossScaleOptimizer(one)) for one in (old, new)]

    assert made == list(loss_scale_optimizers())


def test_ops_run_at_once_in_a_graph() -> None:
    with tf.Graph().as_default() as graph:
        with running_eagerly():
            assert int(tf.constant(1) + 1) == 2
        assert not tf.executing_eagerly()
    assert graph.get_operations() == []
