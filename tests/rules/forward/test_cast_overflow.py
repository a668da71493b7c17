from __future__ import annotations

import pytest

from nandoctor.rules.forward.cast_overflow import CastOverflow

INF = float("inf")


def test_names_the_number_and_the_dtype_that_cannot_hold_it(origin_of, step_of):
    (finding,) = CastOverflow().check(step_of(origin_of("Cast", [1.0, 1e300], result=[1.0, INF])))
    assert (finding.cause, finding.severity, finding.about) == ("cast-overflow", "error", "origin:0")
    assert finding.location.op_type == "Cast"
    assert finding.evidence["largest_number"] == 1e300
    assert finding.limits["largest_number"] == pytest.approx(3.4028e38, rel=1e-4)


def test_to_half_precision_and_from_infinity_are_other_causes(origin_of, step_of):
    half = origin_of("Cast", [70000.0], result=[INF], dtype="float16")
    infinite = origin_of("Cast", [INF], result=[INF])
    assert not list(CastOverflow().check(step_of(half, infinite)))
