from __future__ import annotations

import pytest

from nandoctor.rules.forward.nonfinite_constant import NonfiniteConstant

INF, NAN = float("inf"), float("nan")


def constant(origin_of, values, **fields):
    return origin_of("Const", result=values, **{"kind": "constant", "rows": None, **fields})


@pytest.mark.parametrize(("values", "reaches"), [([NAN], ("output",)), ([INF], ("loss",)), ([-INF], ("loss",))])
def test_a_constant_that_reaches_a_result(values, reaches, origin_of, step_of):
    (finding,) = NonfiniteConstant().check(step_of(constant(origin_of, values, reaches=reaches)))
    assert (finding.cause, finding.severity, finding.about) == ("nonfinite-constant", "error", "origin:0")
    assert finding.evidence["nonfinite"] == 1
    assert finding.limits == {"nonfinite": 0}
    assert reaches[0] in finding.message


def test_a_contained_mask_and_masked_outputs_are_silent(origin_of, step_of):
    contained = constant(origin_of, [-INF], reaches=())
    masked_output = constant(origin_of, [-INF], reaches=("output",))
    assert not list(NonfiniteConstant().check(step_of(contained, masked_output)))


def test_what_becomes_of_a_mask_in_an_op_is_reported_there(origin_of, step_of):
    mask = constant(origin_of, [-INF])
    softmax = origin_of("Softmax", [[-INF]], result=[[NAN]], elementwise=False, id=1, parents=(0,))
    assert not list(NonfiniteConstant().check(step_of(mask, softmax)))
