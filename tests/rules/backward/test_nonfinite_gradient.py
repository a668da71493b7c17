from __future__ import annotations

from nandoctor.rules.backward.nonfinite_gradient import NonfiniteGradient

INF = float("inf")


def test_any_op_of_the_gradient_graph_with_low_confidence(origin_of, step_of):
    origin = origin_of("EluGrad", [1e38], [1e38], result=[INF], gradient_of="Elu")
    (finding,) = NonfiniteGradient().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.confidence) == ("nonfinite-gradient", "error", "low")
    assert (finding.about, finding.location.op_type) == ("origin:0", "Elu")
    assert (finding.evidence["inf"], finding.limits["nonfinite"]) == (1, 0)
    assert "EluGrad in the gradient of Elu" in finding.message


def test_the_forward_pass_is_left_to_nonfinite_operation(origin_of, step_of):
    assert not list(NonfiniteGradient().check(step_of(origin_of("Elu", [1.0], result=[INF]))))
