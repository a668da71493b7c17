from __future__ import annotations

import pytest

from nandoctor.rules.forward.bfloat16_overflow import Bfloat16Overflow

INF = float("inf")


def test_the_sliver_between_bfloat16_and_float32(origin_of, step_of):
    (finding,) = Bfloat16Overflow().check(step_of(origin_of("Cast", [3.4e38], result=[INF], dtype="bfloat16")))
    assert (finding.cause, finding.severity, finding.about) == ("bfloat16-overflow", "error", "origin:0")
    assert finding.evidence["largest_result"] == 3.4e38
    assert finding.limits["largest_result"] == pytest.approx(3.3895e38, rel=1e-4)
    assert finding.location.layer == "here"


def test_what_overflows_float32_too_is_left_to_the_rule_of_the_op(origin_of, step_of):
    both = origin_of("Exp", [100.0], result=[INF], dtype="bfloat16")
    half = origin_of("Cast", [70000.0], result=[INF], dtype="float16")
    assert not list(Bfloat16Overflow().check(step_of(both, half)))
