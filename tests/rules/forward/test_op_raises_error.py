"""ND222 on hand-made facts."""

from nandoctor.facts import Refusal, StepFacts
from nandoctor.rules.forward.op_raises_error import OpRaisesError


def steps(*refusals: Refusal) -> StepFacts:
    return StepFacts(4, 128, 1000, (), (), (), refusals=refusals)


def test_an_op_that_raised_is_an_error_with_tensorflows_own_words():
    refusal = Refusal("words/Gather", "ResourceGather", "words", "forward", "indices[1,1] = 10 is not in [0, 10)", 2, 1)

    (finding,) = OpRaisesError().check(steps(refusal))

    assert (finding.severity, finding.cause) == ("error", "op-raises-error")
    assert "1 of 4 batches: indices[1,1] = 10 is not in [0, 10)." in finding.message
    assert (finding.location.layer, finding.location.batch, finding.location.phase) == ("words", 2, "forward")
    assert finding.evidence["batches"] == 1


def test_a_step_that_ran_through_is_silent():
    assert list(OpRaisesError().check(steps())) == []
