from __future__ import annotations

import math

import pytest

from nandoctor.facts import LoopFacts
from nandoctor.rules.forward.unbounded_recurrent_activation import UnboundedRecurrentActivation

INF = float("inf")
STEPS = range(1, 31)


def loop_of(magnitudes, dtype="float32"):
    return LoopFacts("while", "model/rnn/while/Relu", "Relu", "rnn", dtype, tuple(magnitudes))


def test_an_overflow_in_a_growing_loop_is_an_error_at_its_origin(origin_of, step_of):
    origin = origin_of("MatMul", [[3e38]], [[4.0]], result=[[INF]], elementwise=False, layer="rnn", loop_iteration=20)
    grown = loop_of([*(4.0**k for k in range(60, 64)), INF, INF])
    growing = loop_of([*(4.0**k for k in range(64)), INF])
    (finding,) = UnboundedRecurrentActivation().check(step_of(origin, loops=(growing, grown)))
    assert (finding.cause, finding.severity) == ("unbounded-recurrent-activation", "error")
    assert finding.about == "origin:0"
    assert finding.location.loop_iteration == 20
    assert finding.evidence["growth"] == pytest.approx(4.0)
    assert finding.limits["largest_number"] == pytest.approx(3.4028e38, rel=1e-4)


def test_a_loop_that_heads_for_an_overflow_is_a_warning_with_the_forecast(step_of):
    (finding,) = UnboundedRecurrentActivation().check(step_of(loops=(loop_of(2.0**k for k in range(20)),)))
    assert finding.severity == "warning"
    assert finding.location.layer == "rnn"
    assert finding.evidence["forecast"] == 129
    assert finding.evidence["horizon"] <= finding.limits["horizon"] == 10.0
    assert finding.evidence["min_growth"] >= finding.limits["min_growth"] == 1e4


def test_one_warning_for_a_loop_on_its_fastest_op(step_of):
    loops = (loop_of(2.0**k for k in range(20)), loop_of(3.0**k for k in range(20)))
    (finding,) = UnboundedRecurrentActivation().check(step_of(loops=loops))
    assert finding.evidence["growth"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    "magnitudes",
    [
        [math.tanh(0.2 * k) for k in STEPS],  # a bounded state
        [float(k) for k in STEPS],  # a counter
        [float(k) ** 3 for k in STEPS],  # a polynomial
        [0.9**k for k in STEPS],  # a decaying state
        [0.0] * 30,
        [1.01**k for k in STEPS],  # geometric, and far from any limit
        [2.0**k for k in range(11)],  # a few doublings
        [1.0, 1e9],
    ],
    ids=["bounded", "counter", "polynomial", "decay", "zero", "slow", "short", "two"],
)
def test_healthy_loops_are_silent(magnitudes, step_of):
    assert not list(UnboundedRecurrentActivation().check(step_of(loops=(loop_of(magnitudes),))))


def test_a_logarithm_of_zero_in_a_growing_loop_is_not_the_growth(origin_of, step_of):
    origin = origin_of("Log", [0.0], result=[-INF], layer="rnn", loop_iteration=3)
    growing = loop_of([2.0**k for k in range(10)])
    assert not list(UnboundedRecurrentActivation().check(step_of(origin, loops=(growing,))))
