from __future__ import annotations

import pytest

from nandoctor.facts import LoopFacts
from nandoctor.rules.forward.exp_overflow import ExpOverflow

INF = float("inf")


@pytest.mark.parametrize(("dtype", "limit"), [("float32", 88.72), ("float64", 709.78), ("bfloat16", 88.72)])
def test_names_the_argument_and_the_dtype_limit(dtype, limit, origin_of, step_of):
    origin = origin_of("Exp", [1.0, 1000.0], result=[2.7, INF], dtype=dtype)
    (finding,) = ExpOverflow().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("exp-overflow", "error", "origin:0")
    assert finding.location.layer == "here"
    assert finding.evidence["argument"] == 1000.0
    assert finding.limits["argument"] == pytest.approx(limit, abs=0.01)
    assert f"above {limit:.2f}" in finding.message


def test_what_float32_would_hold_is_left_to_float16_overflow(origin_of, step_of):
    assert not list(ExpOverflow().check(step_of(origin_of("Exp", [12.0], result=[INF], dtype="float16"))))


def test_an_infinite_argument_is_no_overflow(origin_of, step_of):
    assert not list(ExpOverflow().check(step_of(origin_of("Exp", [INF], result=[INF]))))


def test_a_growing_loop_explains_it_better(origin_of, step_of):
    origin = origin_of("Exp", [100.0], result=[INF], loop_iteration=9)
    loop = LoopFacts("while", "model/here", "Exp", "here", "float32", tuple(10.0**k for k in range(9)))
    assert not list(ExpOverflow().check(step_of(origin, loops=(loop,))))
