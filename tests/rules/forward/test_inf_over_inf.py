from __future__ import annotations

from nandoctor.rules.forward.inf_over_inf import InfOverInf

INF, NAN = float("inf"), float("nan")


def test_counts_the_infinities_above_and_below(origin_of, step_of):
    origin = origin_of("RealDiv", [INF, 1.0], [INF, INF], result=[NAN, 0.0], parents=(3, 4))
    (finding,) = InfOverInf().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("inf-over-inf", "error", "origin:0")
    assert finding.location.op_type == "RealDiv"
    assert (finding.evidence["nan"], finding.evidence["denominator_inf"]) == (1, 1)
    assert finding.limits == {"nan": 0}


def test_zero_over_zero_and_a_nan_that_came_in_are_other_causes(origin_of, step_of):
    zeros = origin_of("RealDiv", [0.0], [0.0], result=[NAN])
    came_in = origin_of("RealDiv", [INF, NAN], [INF, INF], result=[NAN, NAN])
    assert not list(InfOverInf().check(step_of(zeros, came_in)))
