from __future__ import annotations

from nandoctor.rules.forward.log_of_negative import LogOfNegative

INF, NAN = float("inf"), float("nan")


def test_names_the_lowest_argument(origin_of, step_of):
    origin = origin_of("Log", [1.0, -0.5, -3.0], result=[0.0, NAN, NAN])
    (finding,) = LogOfNegative().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("log-of-negative", "error", "origin:0")
    assert finding.location.op_type == "Log"
    assert finding.evidence["lowest"] == -3.0
    assert finding.limits == {"lowest": 0.0}
    assert "2 of 3 results are NaN" in finding.message


def test_log1p_reaches_down_to_minus_one(origin_of, step_of):
    (finding,) = LogOfNegative().check(step_of(origin_of("Log1p", [-1.5, 0.0], result=[NAN, 0.0])))
    assert finding.limits == {"lowest": -1.0}


def test_zero_is_left_to_log_of_zero(origin_of, step_of):
    assert not list(LogOfNegative().check(step_of(origin_of("Log", [0.0], result=[-INF]))))


def test_a_logarithm_in_a_custom_gradient_is_named_as_such(origin_of, step_of):
    origin = origin_of("Log", [-1.0], result=[NAN], gradient_of="IdentityN")
    (finding,) = LogOfNegative().check(step_of(origin))
    assert "Log in the gradient of IdentityN" in finding.message
    assert finding.location.phase == "backward"
