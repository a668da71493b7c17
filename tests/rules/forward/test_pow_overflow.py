from __future__ import annotations

import pytest

from nandoctor.rules.forward.pow_overflow import PowOverflow

INF, NAN = float("inf"), float("nan")


def test_names_base_exponent_and_limit(origin_of, step_of):
    (finding,) = PowOverflow().check(step_of(origin_of("Pow", [2.0, 1e10], 5.0, result=[32.0, INF])))
    assert (finding.cause, finding.severity, finding.about) == ("pow-overflow", "error", "origin:0")
    assert (finding.evidence["base"], finding.evidence["exponent_minimum"]) == (1e10, 5.0)
    assert finding.limits["largest_number"] == pytest.approx(3.4028e38, rel=1e-4)
    assert "to the power 5" in finding.message


def test_a_square_is_a_power(origin_of, step_of):
    (finding,) = PowOverflow().check(step_of(origin_of("Square", [2e19], result=[INF])))
    assert "to the power 2" in finding.message


@pytest.mark.parametrize(("base", "exponent", "result"), [(-2.0, 0.5, NAN), (0.0, -1.0, INF), (INF, 2.0, INF)])
def test_outside_the_domain_is_no_overflow(base, exponent, result, origin_of, step_of):
    assert not list(PowOverflow().check(step_of(origin_of("Pow", [base], exponent, result=[result]))))


def test_half_precision_and_gradients_of_powers_are_left_to_their_rules(origin_of, step_of):
    half = origin_of("Square", [300.0], result=[INF], dtype="float16")
    gradient = origin_of("Pow", [1e30], 3.0, result=[INF], gradient_of="Pow")
    assert not list(PowOverflow().check(step_of(half, gradient)))
