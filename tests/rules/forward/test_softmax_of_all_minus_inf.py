from __future__ import annotations

from nandoctor.rules.forward.softmax_of_all_minus_inf import SoftmaxOfAllMinusInf

INF, NAN = float("inf"), float("nan")


def test_counts_the_masked_rows(origin_of, step_of):
    logits = [[1.0, -INF], [-INF, -INF], [0.0, 1.0]]
    origin = origin_of("Softmax", logits, result=[[1.0, 0.0], [NAN, NAN], [0.3, 0.7]], elementwise=False)
    (finding,) = SoftmaxOfAllMinusInf().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("softmax-of-all-minus-inf", "error", "origin:0")
    assert (finding.evidence["masked_rows"], finding.evidence["rows"], finding.evidence["minus_inf"]) == (1, 3, 3)
    assert finding.limits == {"masked_rows": 0}
    assert "1 of 3 rows" in finding.message


def test_padding_that_is_cut_off_again_is_a_note(origin_of, step_of):
    origin = origin_of("LogSoftmax", [[-INF, -INF]], result=[[NAN, NAN]], elementwise=False, reaches=())
    (finding,) = SoftmaxOfAllMinusInf().check(step_of(origin))
    assert finding.severity == "note"


def test_an_inf_or_nan_among_the_logits_is_another_fault(origin_of, step_of):
    infinite = origin_of("Softmax", [[INF, -INF]], result=[[NAN, NAN]], elementwise=False)
    poisoned = origin_of("Softmax", [[NAN, -INF]], result=[[NAN, NAN]], elementwise=False)
    assert not list(SoftmaxOfAllMinusInf().check(step_of(infinite, poisoned)))
