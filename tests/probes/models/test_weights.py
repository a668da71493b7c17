"""What the variables of a model hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nandoctor.facts.weights import VariableFacts
from nandoctor.probes.models.load import load_subject
from nandoctor.probes.models.subject import NamedVariable, Subject
from nandoctor.probes.models.weights import weight_facts

pytestmark = pytest.mark.tensorflow


def facts(name: str, values: Any, dtype: str = "float32") -> VariableFacts:
    """The facts of a model with one variable."""
    import tensorflow as tf

    named = NamedVariable(name, tf.Variable(tf.cast(values, dtype)), True)
    subject = Subject("keras", "m", ".keras file", None, (), (), dict, None, None, (named,))
    return weight_facts(subject).variables[0]


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_a_keras_model(keras_file: Any) -> None:
    found = {one.name: one for one in weight_facts(load_subject(keras_file.path)).variables}
    assert {name: one.role for name, one in found.items()} == {
        "hidden/kernel": "kernel",
        "hidden/bias": "bias",
        "norm/gamma": "gamma",
        "norm/beta": "beta",
        "norm/moving_mean": "moving-mean",
        "norm/moving_variance": "moving-variance",
        "classes/kernel": "kernel",
        "classes/bias": "bias",
    }
    kernel = found["hidden/kernel"]
    assert (kernel.layer, kernel.shape, kernel.fan_in, kernel.units) == ("hidden", (4, 8), 4, 8)
    assert (kernel.trainable, found["norm/moving_mean"].trainable) == (True, False)
    assert kernel.stats.count == 32
    assert kernel.stats.histogram


def test_the_variables_of_tensorflow_1(tf1: Any) -> None:
    found = {one.name: one for one in weight_facts(load_subject(tf1.path)).variables}
    assert found["dense/kernel"].role == "kernel"
    assert found["dense/bias"].role == "bias"


@pytest.mark.parametrize(
    ("name", "shape", "role", "fan_in"),
    [
        ("dense/kernel", (5, 3), "kernel", 5),
        ("conv/kernel", (3, 3, 8, 4), "kernel", 72),
        ("block_depthwise/kernel", (3, 3, 8, 1), "kernel", 9),
        ("block/dw_conv/kernel", (3, 3, 8, 1), "kernel", 9),
        ("separable/depthwise_kernel", (3, 3, 8, 1), "kernel", 9),
        ("separable/pointwise_kernel", (1, 1, 8, 4), "kernel", 8),
        ("attention/query/kernel", (16, 2, 8), "kernel", 16),
        ("attention/attention_output/kernel", (2, 8, 16), "kernel", 16),
        ("lstm/lstm_cell/recurrent_kernel", (4, 16), "recurrent-kernel", 4),
        ("words/embeddings", (100, 8), "embedding", None),
        ("content_embedding/embedding_weights", (100, 8), "embedding", None),
        ("dense/bias", (3,), "bias", None),
        ("encoder/class_token", (1, 1, 8), "other", None),
        ("w", (5, 3), "kernel", 5),
        ("w", (5,), "other", None),
    ],
)
def test_roles_and_fan_in(name: str, shape: tuple[int, ...], role: str, fan_in: int | None) -> None:
    found = facts(name, random(*shape))
    assert (found.role, found.fan_in) == (role, fan_in)


def test_a_variable_at_the_top_has_no_layer() -> None:
    assert facts("kernel", random(2, 2)).layer is None


def test_identical_units_are_counted() -> None:
    kernel = random(6, 5)
    kernel[:, 3] = kernel[:, 1]
    assert facts("dense/kernel", kernel).identical_units == 2
    assert facts("dense/kernel", random(6, 5)).identical_units == 0
    assert facts("dense/kernel", np.zeros((6, 5))).identical_units == 5


def test_units_with_the_same_sum_need_not_be_identical() -> None:
    assert facts("dense/kernel", [[1.0, 2.0], [2.0, 1.0]]).identical_units == 0


def test_the_first_bad_element_is_found() -> None:
    kernel = random(3, 4)
    kernel[1, 2] = np.nan
    kernel[2, 0] = np.inf
    found = facts("dense/kernel", kernel)
    assert found.first_bad == (1, 2)
    assert found.stats.nonfinite == 2
    assert facts("dense/kernel", random(3, 4)).first_bad is None


def test_a_scalar_and_a_bfloat16_variable() -> None:
    scalar = facts("scale/gamma", 2.0)
    assert (scalar.shape, scalar.units) == ((), None)
    half = facts("dense/kernel", [[1.0, np.inf]], "bfloat16")
    assert (half.dtype, half.first_bad, half.identical_units) == ("bfloat16", (0, 1), 0)


def test_variables_that_are_no_floats_are_left_out(keras_export: Any) -> None:
    subject = load_subject(keras_export.path)
    assert any(not named.variable.dtype.is_floating for named in subject.variables)
    assert all(one.dtype == "float32" for one in weight_facts(subject).variables)
