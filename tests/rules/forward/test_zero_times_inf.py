from __future__ import annotations

from nandoctor.rules.forward.zero_times_inf import ZeroTimesInf

INF, NAN = float("inf"), float("nan")


def test_names_both_sides(origin_of, step_of):
    (finding,) = ZeroTimesInf().check(step_of(origin_of("Mul", [0.0, 2.0], [INF, 1.0], result=[NAN, 2.0])))
    assert (finding.cause, finding.severity, finding.about) == ("zero-times-inf", "error", "origin:0")
    assert (finding.evidence["zeros"], finding.evidence["infinities"]) == (1, 1)
    assert finding.limits == {"nan": 0}
    assert finding.confidence == "high"
    assert "the first operand from model/before holds 1 zero and 0 Inf" in finding.message


def test_in_a_matrix_product_the_pairs_are_not_known(origin_of, step_of):
    origin = origin_of("MatMul", [[INF, 1.0]], [[0.0], [1.0]], result=[[NAN]], elementwise=False)
    (finding,) = ZeroTimesInf().check(step_of(origin))
    assert finding.confidence == "medium"


def test_infinity_times_a_number_and_a_nan_that_came_in_are_silent(origin_of, step_of):
    passed_on = origin_of("Mul", [2.0], [INF], result=[INF])
    came_in = origin_of("Mul", [0.0, 0.0], [INF, NAN], result=[NAN, NAN])
    assert not list(ZeroTimesInf().check(step_of(passed_on, came_in)))


def test_the_gradient_of_a_branch_not_taken_is_left_to_where_gradient_trap(origin_of, step_of):
    origin = origin_of("Mul", [0.0], [INF], result=[NAN], gradient_of="Exp", selected_by="model/SelectV2")
    assert not list(ZeroTimesInf().check(step_of(origin)))
