from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import (
    GradientFacts,
    HeadFacts,
    LayerFacts,
    LossFacts,
    StepFacts,
    SubjectFacts,
    VariableFacts,
    WeightFacts,
)
from nandoctor.rules.weights.bad_initialization import BadInitialization
from nandoctor.stats import TensorStats


def variable(layer, values, role="kernel", trainable=True):
    values = np.asarray(values, np.float32)
    _, counts = np.unique(values.reshape(-1, values.shape[-1]), axis=1, return_counts=True)
    return VariableFacts(
        f"{layer}/{role}", layer, role, values.shape, "float32", trainable, TensorStats.of(values),
        fan_in=values.size // values.shape[-1], units=values.shape[-1], identical_units=int(counts[counts > 1].sum()),
    )  # fmt: skip


def weights(*variables):
    return WeightFacts(variables)


def glorot(inputs, units):
    limit = np.sqrt(6 / (inputs + units))
    return np.random.default_rng(0).uniform(-limit, limit, (inputs, units))


def step(gradients=(), activations=()):
    return StepFacts(
        1, 8, 10, (0.5,), (),
        tuple(LayerFacts(name, name, "Relu", "float32", TensorStats.of(np.array(values)), 8)
              for name, values in activations),
        tuple(GradientFacts(name, None, (3, 4), "float32", TensorStats.of(np.array([norm])), norm, 0.0)
              for name, norm in gradients),
    )  # fmt: skip


def subject(chosen="compiled", heads=()):
    return SubjectFacts(
        "keras", "m.keras", ".keras file", None, (),
        tuple(HeadFacts(name, name, None, None, 1, (None, 1), "float32", "linear") for name in heads),
        (LossFacts("mean_squared_error", chosen, "said so"),),
    )  # fmt: skip


ZEROS = weights(variable("a", np.zeros((3, 4))), variable("b", np.zeros((4, 1))))


def test_zeros_behind_zeros_with_zero_gradients_are_an_error():
    (finding,) = BadInitialization().check(ZEROS, step([("a/kernel", 0.0), ("b/kernel", 0.0)]), subject())

    assert (finding.cause, finding.severity, finding.about) == ("bad-initialization", "error", "variable:a/kernel")
    assert finding.location.layer == "a"
    assert (finding.evidence["gain"], finding.evidence["next_kernel"]) == (0.0, "b/kernel")
    assert finding.limits == {"smallest_gain": 1e-4}


def test_zeros_that_get_a_gradient_do_learn():
    assert not list(BadInitialization().check(ZEROS, step([("a/kernel", 0.0), ("b/kernel", 0.3)]), subject()))


def test_a_gradient_of_the_outputs_own_square_proves_nothing():
    taken = step([("a/kernel", 0.0), ("b/kernel", 0.0)], [("a", [0.0, 0.0]), ("b", [0.0])])
    residual = step([("a/kernel", 0.0), ("b/kernel", 0.0)], [("a", [0.0]), ("add", [0.7]), ("b", [0.0])])

    assert [f.severity for f in BadInitialization().check(ZEROS, taken, subject("outputs"))] == ["warning"]
    assert [f.severity for f in BadInitialization().check(ZEROS, residual, subject("outputs"))] == ["note"]
    assert [f.severity for f in BadInitialization().check(ZEROS)] == ["note"]


@pytest.mark.parametrize(
    "variables",
    [
        (variable("a", glorot(8, 4)), variable("head", np.zeros((4, 3)))),
        (variable("branch", np.zeros((3, 3, 8, 8))), variable("head", glorot(8, 3))),
        (variable("a", glorot(8, 4)), variable("b", np.full((4, 4), 1e-6)), variable("head", glorot(4, 1))),
    ],
    ids=["head", "end of a residual branch", "tiny residual branch"],
)
def test_one_kernel_of_nothing_is_good_practice(variables):
    assert not list(BadInitialization().check(weights(*variables)))


def test_zero_heads_side_by_side_are_heads():
    side_by_side = weights(
        variable("trunk", glorot(8, 4)), variable("left", np.zeros((4, 1))), variable("right", np.zeros((4, 1)))
    )

    assert not list(BadInitialization().check(side_by_side, subject=subject(heads=("left", "right"))))


def test_twins_that_feed_a_constant_kernel_stay_twins():
    ones = weights(variable("a", np.ones((3, 4))), variable("b", np.ones((4, 1))))

    (finding,) = BadInitialization().check(ones)

    assert finding.severity == "warning"
    assert (finding.evidence["identical_units"], finding.evidence["units"]) == (4, 4)
    assert "stay identical" in finding.message


def test_twins_that_something_behind_them_tells_apart_are_a_note():
    ones = variable("a", np.ones((3, 4)))
    biases = variable("a", np.arange(4.0), role="bias")

    (finding,) = BadInitialization().check(weights(ones, variable("b", glorot(4, 2))))
    assert finding.severity == "note"
    (finding,) = BadInitialization().check(weights(ones, biases, variable("b", np.ones((4, 2)))))
    assert finding.severity == "note"


@pytest.mark.parametrize(
    "values",
    [
        glorot(784, 10),
        glorot(1, 10_000),
        glorot(2048, 1),
        np.random.default_rng(0).normal(scale=(2 / 27) ** 0.5, size=(3, 3, 3, 32)),
        np.random.default_rng(0).normal(scale=0.05, size=(4096, 16)),
        5 * glorot(256, 64),
        np.full((7, 1), 0.5),
        np.full((1, 1), 3.0),
    ],
    ids=["dense", "one input", "one unit", "he conv", "random normal", "trained", "constant, one unit", "scalar"],
)
def test_silent_on_usual_kernels(values):
    assert not list(BadInitialization().check(weights(variable("a", values), variable("b", glorot(4, 4)))))


@pytest.mark.parametrize("role", ["recurrent-kernel", "embedding", "bias", "gamma", "beta", "moving-variance", "other"])
def test_silent_on_what_is_no_kernel(role):
    judged = weights(variable("a", np.ones((4, 4)), role), variable("b", np.ones((4, 4)), role))

    assert not list(BadInitialization().check(judged))


def test_silent_on_frozen_and_depthwise_kernels():
    frozen = weights(variable("blur", np.ones((3, 4)), trainable=False), variable("b", np.ones((4, 1))))
    depthwise = weights(variable("depthwise_conv", np.ones((3, 3, 4, 2))), variable("b", np.ones((4, 1))))

    assert not list(BadInitialization().check(frozen))
    assert not list(BadInitialization().check(depthwise))


def test_silent_on_kernels_that_are_not_finite():
    broken = np.ones((3, 4))
    broken[0, 0] = np.nan

    assert not list(BadInitialization().check(weights(variable("a", broken), variable("b", np.ones((4, 1))))))
