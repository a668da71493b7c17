from __future__ import annotations

import pytest

from nandoctor.rules.backward.division_gradient import DivisionGradient
from nandoctor.rules.backward.where_gradient_trap import WhereGradientTrap
from nandoctor.rules.forward.zero_times_inf import ZeroTimesInf

INF, NAN = float("inf"), float("nan")
SELECT = "model/where/SelectV2"


@pytest.fixture
def log_in_where(origin_of, step_of):
    """`tf.where(x > 0, tf.math.log(x), 0.0)` at x = 0: 1/x is Inf, and 0 * Inf is NaN."""
    reciprocal = origin_of("Reciprocal", [0.0, 2.0], result=[INF, 0.5], gradient_of="Log", selected_by=SELECT)
    product = origin_of(
        "Mul", [0.0, 1.0], [INF, 0.5], result=[NAN, 0.5], gradient_of="Log", selected_by=SELECT, id=1, parents=(0,)
    )
    return step_of(reciprocal, product)


def test_names_the_select_at_the_root(log_in_where):
    (finding,) = WhereGradientTrap().check(log_in_where)
    assert (finding.cause, finding.severity, finding.about) == ("where-gradient-trap", "error", "origin:0")
    assert (finding.location.op_type, finding.location.phase) == ("Log", "backward")
    assert finding.evidence == {"nonfinite": 1, "selected_by": SELECT}
    assert finding.limits == {"nonfinite": 0}
    assert f"flows into the tf.where {SELECT}" in finding.message


def test_the_division_is_not_reported_and_the_product_is_its_consequence(log_in_where):
    assert not list(DivisionGradient().check(log_in_where))
    assert [finding.about for finding in ZeroTimesInf().check(log_in_where)] == ["origin:1"]


def test_an_infinity_of_the_forward_pass_in_the_gradient_of_the_branch_left_out(origin_of, step_of):
    forward = origin_of("Exp", [100.0], result=[INF], reaches=())
    gradient = origin_of("Mul", [0.0], [INF], result=[NAN], gradient_of="Exp", selected_by=SELECT, id=1, parents=(0,))
    (finding,) = WhereGradientTrap().check(step_of(forward, gradient))
    assert finding.about == "origin:1"


def test_a_division_by_zero_in_the_gradient_of_a_numerator_left_out(origin_of, step_of):
    left_out = {"gradient_of": "RealDiv", "selected_by": SELECT}
    numerator = origin_of("RealDiv", [0.0, 1.0], [0.0, 2.0], result=[NAN, 0.5], **left_out)
    (finding,) = WhereGradientTrap().check(step_of(numerator))
    assert "there 0 / 0 = NaN" in finding.message

    taken = origin_of("RealDiv", [1.0], [0.0], result=[INF], **left_out)
    assert not list(WhereGradientTrap().check(step_of(taken)))


def test_a_singular_branch_that_was_taken_is_no_trap(origin_of, step_of):
    taken = origin_of("Reciprocal", [0.0], result=[INF], gradient_of="Log", selected_by=SELECT)
    outside = origin_of("Reciprocal", [0.0], result=[INF], gradient_of="Log", id=1)
    step = step_of(taken, outside)
    assert not list(WhereGradientTrap().check(step))
    assert [finding.about for finding in DivisionGradient().check(step)] == ["origin:0", "origin:1"]
