from __future__ import annotations

from nandoctor.rules.backward.pow_gradient import PowGradient

INF, NAN = float("inf"), float("nan")


def test_zero_to_a_negative_power(origin_of, step_of):
    origin = origin_of("Pow", [0.0, 4.0], -0.5, result=[INF, 0.5], gradient_of="Pow")
    (finding,) = PowGradient().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("pow-gradient", "error", "origin:0")
    assert (finding.location.phase, finding.location.op_type) == ("backward", "Pow")
    assert (finding.evidence["bases"], finding.evidence["exponent"]) == (1, -0.5)
    assert finding.limits == {"nonfinite": 0}
    assert "takes 0 to the power -0.5" in finding.message


def test_a_forward_power_and_a_base_that_was_not_finite_are_other_causes(origin_of, step_of):
    forward = origin_of("Pow", [0.0], -0.5, result=[INF])
    passed_on = origin_of("Pow", [NAN], -0.5, result=[NAN], gradient_of="Pow")
    trapped = origin_of("Pow", [0.0], -0.5, result=[INF], gradient_of="Pow", selected_by="SelectV2", id=1)
    product = origin_of("Mul", [0.0], [INF], result=[NAN], gradient_of="Pow", id=2, parents=(1,))
    assert not list(PowGradient().check(step_of(forward, passed_on, trapped, product)))
