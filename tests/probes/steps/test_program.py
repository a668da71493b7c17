from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nandoctor.probes.steps.program import Kind, Library, Program, compile_graph

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def compiled() -> Callable[..., Program]:
    """`compiled(function, *dtypes)`: the program of a Python function of vectors."""
    import tensorflow as tf

    def build(function: Any, *dtypes: Any) -> Program:
        specs = [tf.TensorSpec((None,), dtype) for dtype in dtypes or (tf.float32,)]
        concrete = tf.function(function, autograph=False).get_concrete_function(*specs)
        return compile_graph(concrete.graph, "test")

    return build


def test_instructions_come_in_an_order_that_respects_dependencies(compiled: Callable[..., Program]) -> None:
    import tensorflow as tf

    program = compiled(lambda x: tf.exp(tf.sin(x)) + tf.sqrt(tf.exp(tf.sin(x))))

    known = set(program.inputs)
    for instruction in program.instructions:
        assert set(instruction.inputs) <= known
        known.update(instruction.outputs)
    assert set(program.outputs) <= known


def test_what_no_output_needs_is_left_out(compiled: Callable[..., Program]) -> None:
    import tensorflow as tf

    def function(x: Any) -> Any:
        tf.sqrt(x)
        return tf.exp(x)

    types = [one.op_type for one in compiled(function).instructions]

    assert "Exp" in types
    assert "Sqrt" not in types


def test_what_has_an_effect_is_kept(compiled: Callable[..., Program]) -> None:
    import tensorflow as tf

    state = tf.Variable([1.0])

    def function(x: Any) -> Any:
        state.assign_add(x)
        return tf.exp(x)

    assert Kind.ASSIGN in [one.kind for one in compiled(function).instructions]


def test_each_register_is_freed_once_after_its_last_use_and_results_never(compiled: Callable[..., Program]) -> None:
    import tensorflow as tf

    program = compiled(lambda x: (tf.exp(x) * x, tf.sin(x)))

    freed: set[int] = set()
    for instruction in program.instructions:
        assert not freed & set(instruction.inputs)
        assert not freed & set(instruction.frees)
        freed |= set(instruction.frees)
    assert not freed & set(program.outputs)
    assert set(program.inputs) <= freed


def test_kinds_and_bodies(compiled: Callable[..., Program]) -> None:
    import tensorflow as tf

    inner = tf.function(tf.exp)

    def function(x: Any) -> Any:
        looped = tf.while_loop(lambda i, _: i < 2, lambda i, a: (i + 1, a * 2.0), [0, x])[1]
        return tf.cond(x[0] > 0, lambda: inner(looped), lambda: looped)

    kinds = {one.op_type: one for one in compiled(function).instructions}
    loop = next(one for one in kinds.values() if one.kind is Kind.WHILE)
    branch = next(one for one in kinds.values() if one.kind is Kind.BRANCH)
    taken = Library().program(branch.bodies[1])

    assert "Mul" in [one.op_type for one in Library().program(loop.bodies[1]).instructions]
    assert Kind.CALL in [one.kind for one in taken.instructions]
    assert kinds["Const"].kind is Kind.CONSTANT


def test_a_library_compiles_a_function_once(compiled: Callable[..., Program]) -> None:
    import tensorflow as tf

    inner = tf.function(tf.exp)
    call = next(one for one in compiled(lambda x: inner(x) + x).instructions if one.kind is Kind.CALL)
    library = Library()

    assert library.program(call.bodies[0]) is library.program(call.bodies[0])


def test_a_result_that_nobody_reads_is_not_looked_at(compiled: Callable[..., Program]) -> None:
    import tensorflow as tf

    def function(x: Any) -> Any:
        scale = tf.ones((4,))
        images = tf.reshape(x, (-1, 2, 2, 4))
        return tf.raw_ops.FusedBatchNormV3(
            x=images, scale=scale, offset=scale, mean=scale, variance=scale, is_training=False
        ).y

    (norm,) = [one for one in compiled(function).instructions if one.op_type == "FusedBatchNormV3"]

    assert len(norm.outputs) == 6
    assert norm.floats == (0,)
