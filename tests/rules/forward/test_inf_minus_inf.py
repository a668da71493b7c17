from __future__ import annotations

import pytest

from nandoctor.rules.forward.inf_minus_inf import InfMinusInf

INF, NAN = float("inf"), float("nan")


def test_counts_the_infinities_of_both_sides(origin_of, step_of):
    origin = origin_of("Sub", [INF, 1.0], [INF, 1.0], result=[NAN, 0.0], parents=(7,))
    (finding,) = InfMinusInf().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("inf-minus-inf", "error", "origin:0")
    assert finding.location.layer == "here"
    assert (finding.evidence["nan"], finding.evidence["positive_inf"]) == (1, 2)
    assert finding.limits == {"nan": 0}
    assert "the second operand" in finding.message


def test_a_sum_cancels_inside_one_operand(origin_of, step_of):
    assert list(InfMinusInf().check(step_of(origin_of("Sum", [INF, -INF], result=NAN, elementwise=False))))


def test_softmax_subtracts_its_maximum(origin_of, step_of):
    origin = origin_of("Softmax", [[INF, 0.0]], result=[[NAN, NAN]], elementwise=False)
    assert list(InfMinusInf().check(step_of(origin)))


@pytest.mark.parametrize(
    ("op_type", "operands", "result", "elementwise"),
    [
        ("Sub", ([NAN], [INF]), [NAN], True),  # the NaN came in
        ("AddV2", ([INF], [1.0]), [INF], True),  # the Inf is passed on
        ("Softmax", ([[-INF, -INF]],), [[NAN, NAN]], False),  # a fully masked row
        ("MatMul", ([[INF, 0.0]], [[0.0], [1.0]]), [[NAN]], False),  # zero times Inf
    ],
)
def test_other_nans_are_left_to_their_rules(*, op_type, operands, result, elementwise, origin_of, step_of):
    origin = origin_of(op_type, *operands, result=result, elementwise=elementwise)
    assert not list(InfMinusInf().check(step_of(origin)))
