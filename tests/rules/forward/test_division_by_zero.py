from __future__ import annotations

import pytest

from nandoctor.rules.forward.division_by_zero import DivisionByZero

INF, NAN = float("inf"), float("nan")


def test_tells_x_over_zero_from_zero_over_zero(origin_of, step_of):
    origin = origin_of("RealDiv", [1.0, 0.0, 2.0, 3.0], [0.0, 0.0, 0.0, 1.0], result=[INF, NAN, INF, 3.0])
    (finding,) = DivisionByZero().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("division-by-zero", "error", "origin:0")
    assert finding.location.rows == (1,)
    assert (finding.evidence["zeros"], finding.evidence["zero_over_zero"]) == (3, 1)
    assert finding.limits == {"zeros": 0}
    assert "2 results of x/0 (Inf) and 1 result of 0/0 (NaN)" in finding.message


def test_a_denominator_for_whole_rows_is_counted_once(origin_of, step_of):
    origin = origin_of("RealDiv", [[1.0, 2.0], [1.0, 2.0]], [[0.0], [4.0]], result=[[INF, INF], [0.25, 0.5]])
    (finding,) = DivisionByZero().check(step_of(origin))
    assert (finding.evidence["zeros"], finding.evidence["nonfinite"]) == (1, 2)
    assert "the denominator of 2 of 4 results, out of 2 values" in finding.message


@pytest.mark.parametrize("op_type", ["Reciprocal", "Inv", "Rsqrt"])
def test_reciprocals_divide_as_well(op_type, origin_of, step_of):
    (finding,) = DivisionByZero().check(step_of(origin_of(op_type, [0.0, 4.0], result=[INF, 0.5])))
    assert "1 result of x/0" in finding.message


def test_a_remainder_by_zero_is_called_so(origin_of, step_of):
    (finding,) = DivisionByZero().check(step_of(origin_of("FloorMod", [5.0], [0.0], result=[NAN])))
    assert "x modulo 0" in finding.message


def test_a_divisor_under_the_normal_numbers_counts_as_zero(origin_of, step_of):
    assert list(DivisionByZero().check(step_of(origin_of("Reciprocal", [1e-40], result=[INF]))))


@pytest.mark.parametrize(
    ("op_type", "above", "below", "result"),
    [
        ("RealDiv", [1e30], [1e-30], [INF]),  # an overflow
        ("RealDiv", [INF], [0.0], [INF]),  # infinite before
        ("DivNoNan", [NAN], [1.0], [NAN]),
    ],
)
def test_other_divisions_are_silent(*, op_type, above, below, result, origin_of, step_of):
    assert not list(DivisionByZero().check(step_of(origin_of(op_type, above, below, result=result))))


def test_a_division_in_a_gradient_is_left_to_division_gradient(origin_of, step_of):
    origin = origin_of("RealDiv", [1.0], [0.0], result=[INF], gradient_of="RealDiv")
    assert not list(DivisionByZero().check(step_of(origin)))


def test_the_guard_keeps_the_sign_of_a_divisor_with_negative_values(origin_of, step_of):
    positive = origin_of("RealDiv", [1.0, 1.0], [0.0, 2.0], result=[INF, 0.5])
    signed = origin_of("RealDiv", [1.0, 1.0, 1.0], [0.0, 2.0, -2.0], result=[INF, 0.5, -0.5])

    (of_positive,) = DivisionByZero().check(step_of(positive))
    (of_signed,) = DivisionByZero().check(step_of(signed))

    assert [remedy.id for remedy in of_positive.remedies] == ["divide-no-nan", "epsilon"]
    assert [remedy.id for remedy in of_signed.remedies] == ["divide-no-nan", "signed-epsilon"]
    assert not any("maximum" in remedy.title for remedy in of_signed.remedies)
