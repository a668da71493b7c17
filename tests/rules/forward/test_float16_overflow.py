from __future__ import annotations

import pytest

from nandoctor.rules.forward.float16_overflow import Float16Overflow

INF = float("inf")


@pytest.mark.parametrize(
    ("op_type", "operands", "largest"),
    [
        ("Exp", ([12.0],), 162754.8),
        ("Square", ([300.0],), 90000.0),
        ("Mul", ([300.0], [300.0]), 90000.0),
        ("Cast", ([70000.0],), 70000.0),
    ],
)
def test_names_what_float32_would_have_held(op_type, operands, largest, origin_of, step_of):
    origin = origin_of(op_type, *operands, result=[INF], dtype="float16")
    (finding,) = Float16Overflow().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("float16-overflow", "error", "origin:0")
    assert finding.location.op_type == op_type
    assert finding.evidence["largest_result"] == pytest.approx(largest, rel=1e-5)
    assert finding.limits == {"largest_result": 65504.0}


def test_the_sum_inside_a_mean_overflows(origin_of, step_of):
    origin = origin_of("Mean", [60000.0, 60000.0], result=INF, elementwise=False, dtype="float16")
    (finding,) = Float16Overflow().check(step_of(origin))
    assert finding.evidence["largest_result"] == 120000.0


def test_gradients_overflow_too(origin_of, step_of):
    origin = origin_of("Mul", [300.0], [300.0], result=[INF], dtype="float16", gradient_of="Mul")
    (finding,) = Float16Overflow().check(step_of(origin))
    assert "in the gradient of" in finding.message


def test_what_no_float_holds_and_what_is_not_half_are_left_to_their_rules(origin_of, step_of):
    any_float = origin_of("Exp", [1000.0], result=[INF], dtype="float16")
    single = origin_of("Exp", [100.0], result=[INF])
    infinite = origin_of("Mul", [INF], [1.0], result=[INF], dtype="float16")
    logarithm = origin_of("Log", [0.0], result=[-INF], dtype="float16")
    assert not list(Float16Overflow().check(step_of(any_float, single, infinite, logarithm)))
