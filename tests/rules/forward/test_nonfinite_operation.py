from __future__ import annotations

from nandoctor.rules.forward.nonfinite_operation import NonfiniteOperation

INF, NAN = float("inf"), float("nan")


def test_any_op_of_the_forward_pass_with_low_confidence(origin_of, step_of):
    (finding,) = NonfiniteOperation().check(step_of(origin_of("Betainc", [-1.0, 0.5], result=[NAN, 0.5])))
    assert (finding.cause, finding.severity, finding.confidence) == ("nonfinite-operation", "error", "low")
    assert finding.about == "origin:0"
    assert finding.location.op_type == "Betainc"
    assert (finding.evidence["nan"], finding.evidence["results"]) == (1, 2)
    assert finding.limits == {"nonfinite": 0}
    assert "1 of 2 results is NaN" in finding.message


def test_inputs_variables_constants_and_gradients_are_not_ops_of_the_forward_pass(origin_of, step_of):
    others = [origin_of("Const", result=[NAN], kind=kind) for kind in ("input", "variable", "constant")]
    gradient = origin_of("Mul", [1.0], [INF], result=[INF], gradient_of="Mul")
    assert not list(NonfiniteOperation().check(step_of(*others, gradient)))
