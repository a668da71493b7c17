from __future__ import annotations

from nandoctor.facts import Disagreement, HiddenFacts
from nandoctor.rules.forward.hidden_nonfinite import HiddenNonfinite

INF, NAN = float("inf"), float("nan")
LOSS = Disagreement("loss", "loss", 0, 1, interpreted_nonfinite=1, compiled_nonfinite=0)
GRADIENT = Disagreement("gradient", "dense/kernel", 0, 16, interpreted_nonfinite=16, compiled_nonfinite=4)


def test_a_loss_that_the_compiled_step_keeps_finite(origin_of, step_of):
    fed = origin_of("Placeholder", result=[NAN, 1.0], kind="input", op="x")
    (finding,) = HiddenNonfinite().check(HiddenFacts(1, (LOSS, GRADIENT)), step_of(fed))
    assert (finding.cause, finding.severity, finding.about) == ("hidden-nonfinite", "error", "loss:loss")
    assert finding.location.op == "x"
    assert (finding.evidence["hidden"], finding.evidence["differing"]) == (1, 1)
    assert finding.limits == {"hidden": 0}
    assert "fused kernels" in finding.message
    assert "will not show" in finding.message


def test_a_gradient_alone_is_a_warning():
    (finding,) = HiddenNonfinite().check(HiddenFacts(1, (GRADIENT,)))
    assert (finding.severity, finding.about) == ("warning", "gradient:dense/kernel")


def test_a_max_pooling_that_swallowed_a_nan(origin_of, step_of):
    origin = origin_of("Log", [-1.0], result=[NAN], reaches=(), absorbed_by=("MaxPool",))
    facts = HiddenFacts(1, absorbers=(("model/pool/MaxPool", "MaxPool", "pool"),))
    (finding,) = HiddenNonfinite().check(facts, step_of(origin))
    assert (finding.severity, finding.location.op) == ("warning", "model/pool/MaxPool")
    assert finding.evidence["nan_from"] == "model/here"


def test_a_mask_that_a_maximum_takes_away_is_meant(origin_of, step_of):
    mask = origin_of("Const", result=[-INF, 0.0], kind="constant", absorbed_by=("Max", "Softmax"))
    facts = HiddenFacts(1, absorbers=(("model/Max", "Max", None), ("model/Softmax", "Softmax", None)))
    assert not list(HiddenNonfinite().check(facts, step_of(mask)))


def test_a_nan_that_only_the_compiled_step_shows_is_not_hidden():
    shown = Disagreement("output", "y", 0, 8, interpreted_nonfinite=0, compiled_nonfinite=2)
    assert not list(HiddenNonfinite().check(HiddenFacts(1, (shown,))))
    assert not list(HiddenNonfinite().check(HiddenFacts(1)))
