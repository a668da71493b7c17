from __future__ import annotations

import pytest

from nandoctor.rules.backward.division_gradient import DivisionGradient

INF, NAN = float("inf"), float("nan")


def test_a_divisor_so_small_that_the_quotient_overflows(origin_of, step_of):
    origin = origin_of("RealDiv", [1e-10, 1.0], [1e-60, 2.0], result=[INF, 0.5], gradient_of="RealDiv")
    (finding,) = DivisionGradient().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("division-gradient", "error", "origin:0")
    assert (finding.location.op_type, finding.location.phase) == ("RealDiv", "backward")
    assert finding.evidence["divisor_at_fault_maximum"] == 1e-60
    assert finding.limits["largest_number"] == pytest.approx(3.4028e38, rel=1e-4)
    assert "overflows float32 (3.403e+38)" in finding.message


def test_a_divisor_of_zero_in_a_custom_gradient(origin_of, step_of):
    origin = origin_of("RealDiv", [1.0], [0.0], result=[INF], gradient_of="IdentityN")
    (finding,) = DivisionGradient().check(step_of(origin))
    assert "RealDiv in the gradient of IdentityN divides by 0" in finding.message
    assert finding.evidence["zeros"] == 1


def test_a_reciprocal_is_squared_in_its_gradient(origin_of, step_of):
    origin = origin_of("ReciprocalGrad", [1e25], [1.0], result=[-INF], gradient_of="Reciprocal")
    (finding,) = DivisionGradient().check(step_of(origin))
    assert finding.evidence["reciprocal_at_fault_maximum"] == 1e25


def test_the_forward_pass_and_named_gradients_are_left_to_their_rules(origin_of, step_of):
    forward = origin_of("RealDiv", [1.0], [0.0], result=[INF])
    arc = origin_of("Reciprocal", [0.0], result=[INF], gradient_of="Acos")
    infinite = origin_of("RealDiv", [INF], [1.0], result=[INF], gradient_of="RealDiv")
    assert not list(DivisionGradient().check(step_of(forward, arc, infinite)))


def test_the_guard_keeps_the_sign_of_a_divisor_with_negative_values(origin_of, step_of):
    origin = origin_of("RealDiv", [1.0, 1.0], [0.0, -2.0], result=[INF, -0.5], gradient_of="RealDiv")

    (finding,) = DivisionGradient().check(step_of(origin))

    assert [remedy.id for remedy in finding.remedies] == ["divide-no-nan", "signed-epsilon"]


def test_the_argument_of_a_logarithm_is_kept_above_zero(origin_of, step_of):
    origin = origin_of("Reciprocal", [0.0, 2.0], result=[INF, 0.5], gradient_of="Log")

    (finding,) = DivisionGradient().check(step_of(origin))

    assert [remedy.title for remedy in finding.remedies] == [
        "Keep the argument above zero: tf.math.log(tf.maximum(the argument, 1e-6))"
    ]
