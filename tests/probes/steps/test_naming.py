from __future__ import annotations

import pytest

from nandoctor.probes.steps.naming import forward_name, is_gradient, layer_names


@pytest.mark.parametrize(
    ("name", "forward"),
    [
        ("gradients/net/head/Log_grad/Reciprocal", "net/head/Log"),
        ("gradient_tape/net_1/head/MatMul_1/MatMul", "net_1/head/MatMul_1/MatMul"),
        ("gradient_tape/net/head/truediv_grad/RealDiv", "net/head/truediv"),
        ("gradients_1/net/head/Sqrt_grad_2/SqrtGrad", "net/head/Sqrt"),
        ("while/body/gradients/net/cell/Mul_grad/Sum", "net/cell/Mul"),
        ("gradients/AddN", "AddN"),
    ],
)
def test_a_gradient_op_belongs_to_a_forward_op(name: str, forward: str) -> None:
    assert is_gradient(name)
    assert forward_name(name) == forward


@pytest.mark.parametrize("name", ["net/head/Log", "net/gradients_of_taste/Log", "net/my_grad/Log"])
def test_a_forward_op_is_its_own(name: str) -> None:
    assert not is_gradient(name)
    assert forward_name(name) == name


OPS = ["net_1/hidden_1/MatMul", "net_1/encoder_1/norm_1/batchnorm/mul", "net_1/head_1/BiasAdd", "Square"]
LAYERS = ["hidden", "encoder", "encoder/norm", "head"]


@pytest.mark.parametrize(
    ("op", "layer"),
    [
        ("net_1/hidden_1/MatMul", "hidden"),
        ("net_1/encoder_1/norm_1/batchnorm/Rsqrt", "encoder/norm"),
        ("net_1/encoder_1/add/AddV2", "encoder"),
        ("gradient_tape/net_1/head_1/BiasAdd_grad/BiasAddGrad", "head"),
        ("net_1/Log", None),
        ("Square", None),
    ],
)
def test_layers_that_the_file_tells(op: str, layer: str | None) -> None:
    names = layer_names(OPS, LAYERS, ["hidden/kernel", "encoder/norm/gamma", "head/kernel"], "net")

    assert names.layer(op) == layer


def test_layers_told_by_variables_alone() -> None:
    names = layer_names(OPS, [], ["hidden/kernel", "encoder/norm/gamma", "head/kernel"], None)

    assert names.layer("net_1/hidden_1/MatMul") == "hidden"
    assert names.layer("net_1/encoder_1/norm_1/batchnorm/Rsqrt") == "encoder/norm"
    assert names.layer("net_1/encoder_1/fault_1/Log") == "encoder/fault"  # without variables: read off the scope
    assert names.layer("net_1/fault_1/Log") == "fault"
    assert names.layer("net_1/Sum_2/Log") is None  # an op's own scope
    assert names.layer("net_1/fault_1/reduce_std/Sqrt") == "fault"  # that of a function of TensorFlow's
    assert names.layer("net_1/norm_2/Sqrt") is None


def test_a_model_whose_name_begins_every_path_is_left_out() -> None:
    names = layer_names(["net/dense/MatMul", "net/fault/Log"], [], ["net/dense/kernel", "net/out/bias"], None)

    assert names.layer("net/dense/MatMul") == "dense"
    assert names.variable_layer("net/dense/kernel") == "dense"


def test_a_number_that_belongs_to_the_name_is_kept() -> None:
    names = layer_names(["net/dense_1/MatMul", "net/dense/MatMul"], ["dense", "dense_1"], [], "net")

    assert names.layer("net/dense_1/MatMul") == "dense_1"
    assert names.layer("net/dense/MatMul") == "dense"


@pytest.mark.parametrize(
    ("variable", "layer"), [("net/encoder/norm/gamma", "encoder/norm"), ("hidden/kernel", "hidden"), ("step", None)]
)
def test_the_layer_of_a_variable(variable: str, layer: str | None) -> None:
    names = layer_names(OPS, LAYERS, ["hidden/kernel"], "net")

    assert names.variable_layer(variable) == layer


def test_layers_that_keras_numbered_and_that_their_scopes_number_again() -> None:
    ops = ["sequential_1/dense_1/MatMul", "sequential_1/dense_1_2/MatMul", "sequential_1/dense_2_1/MatMul"]
    layers = ["dense", "dense_1", "dense_2"]
    names = layer_names(ops, layers, [f"{layer}/kernel" for layer in layers], "sequential")

    assert [names.layer(op) for op in ops] == layers


def test_layers_whose_scopes_are_their_names() -> None:
    ops = ["sequential/dense/MatMul", "sequential/dense_1/MatMul"]
    layers = ["dense", "dense_1"]
    names = layer_names(ops, layers, [f"{layer}/kernel" for layer in layers], "sequential")

    assert [names.layer(op) for op in ops] == layers
