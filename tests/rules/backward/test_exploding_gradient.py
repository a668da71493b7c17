from __future__ import annotations

import pytest

from nandoctor.rules.backward.exploding_gradient import ExplodingGradient

INF = float("inf")


def test_an_overflow_from_finite_operands(origin_of, step_of):
    origin = origin_of("MatMul", [[1e30]], [[1e30]], result=[[INF]], elementwise=False, gradient_of="MatMul")
    (finding,) = ExplodingGradient().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("exploding-gradient", "error", "origin:0")
    assert finding.location.phase == "backward"
    assert finding.evidence["largest_operand"] == 1e30
    assert finding.limits["largest_number"] == pytest.approx(3.4028e38, rel=1e-4)


def test_a_gradient_whose_square_overflows(gradient_of, step_of):
    gradients = (gradient_of("a/kernel", 1e20), gradient_of("b/kernel", 3.0))
    (finding,) = ExplodingGradient().check(step_of(gradients=gradients))
    assert (finding.severity, finding.about, finding.location.layer) == ("warning", "gradient:a/kernel", "a")
    assert finding.evidence == {"largest": 1e20, "variables": 1}
    assert finding.limits["largest"] == pytest.approx(1.8447e19, rel=1e-4)


def test_growth_across_depth_in_the_order_of_execution(gradient_of, layer_of, step_of):
    gradients = (gradient_of("last/kernel", 0.1), gradient_of("first/kernel", 1e6, 10.0))
    layers = (layer_of("first", "Relu"), layer_of("last", "BiasAdd"))
    (finding,) = ExplodingGradient().check(step_of(gradients=gradients, layers=layers))
    assert finding.about == "gradient:first/kernel"
    assert finding.evidence["ratio"] == 1e5
    assert finding.evidence["growth"] == pytest.approx(1e6)
    assert finding.limits == {"growth": 1e4, "ratio": 1e3}


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (650.0, 4.0),  # an untrained ResNet50
        (1e7, 1e7),  # unscaled targets: large everywhere
        (1.0, 1e-9),  # a last kernel that is done
        (5.0, 0.0),
    ],
)
def test_healthy_gradients_are_silent(first, last, gradient_of, step_of):
    gradients = (gradient_of("first/kernel", first), gradient_of("last/kernel", last))
    assert not list(ExplodingGradient().check(step_of(gradients=gradients)))


def test_half_precision_and_infinite_operands_are_other_causes(origin_of, step_of):
    half = origin_of("Mul", [300.0], [300.0], result=[INF], dtype="float16", gradient_of="Mul")
    passed_on = origin_of("Mul", [INF], [2.0], result=[INF], gradient_of="Mul")
    forward = origin_of("Mul", [1e30], [1e30], result=[INF])
    assert not list(ExplodingGradient().check(step_of(half, passed_on, forward)))
