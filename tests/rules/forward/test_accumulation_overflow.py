from __future__ import annotations

import pytest

from nandoctor.rules.forward.accumulation_overflow import AccumulationOverflow

INF, NAN = float("inf"), float("nan")


def test_names_magnitudes_and_limit(origin_of, step_of):
    origin = origin_of("MatMul", [[1e30, 1.0]], [[1e30], [1.0]], result=[[INF]], elementwise=False)
    (finding,) = AccumulationOverflow().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("accumulation-overflow", "error", "origin:0")
    assert finding.location.op_type == "MatMul"
    assert finding.evidence["largest_operand"] == 1e30
    assert finding.limits["largest_number"] == pytest.approx(3.4028e38, rel=1e-4)
    assert "sum of products" in finding.message


@pytest.mark.parametrize(
    ("op_type", "operands", "kind"),
    [
        ("Mul", ([1e30], [1e30]), "a multiplication"),
        ("AddV2", ([3e38], [3e38]), "a sum"),
        ("RealDiv", ([1e30], [1e-30]), "a division by a small number"),
    ],
)
def test_calls_each_kind_by_its_name(op_type, operands, kind, origin_of, step_of):
    (finding,) = AccumulationOverflow().check(step_of(origin_of(op_type, *operands, result=[INF])))
    assert kind in finding.message


def test_partial_sums_of_both_signs_give_nan(origin_of, step_of):
    origin = origin_of("Sum", [3e38, 3e38, -3e38], result=NAN, elementwise=False)
    assert list(AccumulationOverflow().check(step_of(origin)))


@pytest.mark.parametrize(
    ("op_type", "operands", "fields"),
    [
        ("Mul", ([INF], [2.0]), {}),  # infinite before
        ("RealDiv", ([1.0], [0.0]), {}),  # a division by zero
        ("Mul", ([300.0], [300.0]), {"dtype": "float16"}),  # fits float32
        ("Mul", ([1e30], [1e30]), {"gradient_of": "Mul"}),  # a gradient
    ],
)
def test_other_infinities_are_left_to_their_rules(op_type, operands, fields, origin_of, step_of):
    origin = origin_of(op_type, *operands, result=[INF], **fields)
    assert not list(AccumulationOverflow().check(step_of(origin)))
