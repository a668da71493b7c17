from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nandoctor.probes.compat.eager_ops import add_op, empty_graph, listen, tensor_number

pytestmark = pytest.mark.tensorflow


def test_what_runs_eagerly_is_told_with_its_tensors_slices_too() -> None:
    import tensorflow as tf

    told: list[tuple[str, list[int], list[int]]] = []

    def note(op_type: str, inputs: Any, _attrs: Any, outputs: Any) -> None:
        told.append((op_type, [tensor_number(one) for one in inputs], [tensor_number(one) for one in outputs]))

    x = tf.constant(np.arange(12.0).reshape(3, 4))
    end = listen(note)
    doubled = x + x
    part = doubled[1:, ::2]
    root = tf.sqrt(part)
    end()
    root[0], tf.sqrt(x)

    ops = {op: (given, made) for op, given, made in told}
    assert [op for op, _, _ in told] == ["AddV2", "StridedSlice", "Sqrt"]
    assert ops["StridedSlice"][0][0] == tensor_number(doubled)
    assert ops["StridedSlice"][1] == ops["Sqrt"][0] == [tensor_number(part)]


def test_a_slice_that_was_told_can_be_put_into_a_graph() -> None:
    import tensorflow as tf

    told: list[tuple[str, Any, Any, Any]] = []
    x = tf.constant(np.arange(12.0).reshape(3, 4))
    end = listen(lambda *op: told.append(op))
    part = x[..., 1:3, tf.newaxis]
    end()

    ((op_type, inputs, attrs, _),) = told
    graph = empty_graph("slices")
    (found,) = add_op(graph, op_type, "slice", inputs, attrs)

    assert found.shape == part.shape == (3, 2, 1)
