from __future__ import annotations

import pytest

from nandoctor.rules.backward.sqrt_gradient_at_zero import SqrtGradientAtZero

INF, NAN = float("inf"), float("nan")


def test_names_the_forward_op_and_the_roots_at_fault(origin_of, step_of):
    origin = origin_of("SqrtGrad", [0.0, 2.0], [1.0, 1.0], result=[INF, 0.25], gradient_of="Sqrt")
    (finding,) = SqrtGradientAtZero().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("sqrt-gradient-at-zero", "error", "origin:0")
    assert (finding.location.op, finding.location.op_type, finding.location.phase) == ("model/here", "Sqrt", "backward")
    assert (finding.evidence["roots"], finding.evidence["largest_root"]) == (1, 0.0)
    assert finding.limits == {"nonfinite": 0}
    assert "divides by the root, and Sqrt gave exactly 0: 1 of 2 values of the root" in finding.message


def test_a_root_that_is_only_too_close_to_zero(origin_of, step_of):
    origin = origin_of("RsqrtGrad", [1e15], [1.0], result=[-INF], gradient_of="Rsqrt")
    (finding,) = SqrtGradientAtZero().check(step_of(origin))
    assert "gave 1e+15" in finding.message


@pytest.mark.parametrize("values", [([NAN], [1.0]), ([INF], [0.0])])
def test_what_was_not_finite_before_is_another_cause(values, origin_of, step_of):
    origin = origin_of("SqrtGrad", *values, result=[NAN], gradient_of="Sqrt", parents=(5,))
    assert not list(SqrtGradientAtZero().check(step_of(origin)))


def test_a_forward_square_root_is_none(origin_of, step_of):
    assert not list(SqrtGradientAtZero().check(step_of(origin_of("Sqrt", [-1.0], result=[NAN]))))
