from __future__ import annotations

import pytest

from nandoctor.rules.backward.acos_gradient_at_one import AcosGradientAtOne

INF = float("inf")


@pytest.mark.parametrize("op_type", ["Acos", "Asin", "Atanh"])
def test_the_gradient_divides_by_zero_at_the_edge(op_type, origin_of, step_of):
    origin = origin_of("Reciprocal", [0.0, 0.5], result=[INF, 2.0], gradient_of=op_type)
    (finding,) = AcosGradientAtOne().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("acos-gradient-at-one", "error", "origin:0")
    assert (finding.location.op_type, finding.location.phase) == (op_type, "backward")
    assert finding.evidence["zeros"] == 1
    assert finding.limits == {"nonfinite": 0}
    assert "-1 or 1" in finding.message


def test_arcosh_divides_by_a_hyperbolic_sine(origin_of, step_of):
    origin = origin_of("RealDiv", [1.0], [0.0], result=[INF], gradient_of="Acosh")
    assert list(AcosGradientAtOne().check(step_of(origin)))


def test_other_divisions_in_gradients_are_left_to_division_gradient(origin_of, step_of):
    origin = origin_of("Reciprocal", [0.0], result=[INF], gradient_of="Log")
    assert not list(AcosGradientAtOne().check(step_of(origin)))
