from __future__ import annotations

import pytest

from nandoctor.rules.forward.hyperbolic_overflow import HyperbolicOverflow

INF = float("inf")


@pytest.mark.parametrize(("op_type", "result"), [("Cosh", INF), ("Sinh", -INF)])
def test_names_the_argument_and_the_limit(op_type, result, origin_of, step_of):
    (finding,) = HyperbolicOverflow().check(step_of(origin_of(op_type, [1.0, -90.0], result=[1.5, result])))
    assert (finding.cause, finding.severity, finding.about) == ("hyperbolic-overflow", "error", "origin:0")
    assert finding.location.op_type == op_type
    assert finding.evidence["argument"] == 90.0
    assert finding.limits["argument"] == pytest.approx(89.416, abs=1e-3)


def test_half_precision_and_an_infinite_argument_are_other_causes(origin_of, step_of):
    half = origin_of("Cosh", [12.0], result=[INF], dtype="float16")
    infinite = origin_of("Cosh", [INF], result=[INF])
    assert not list(HyperbolicOverflow().check(step_of(half, infinite)))
