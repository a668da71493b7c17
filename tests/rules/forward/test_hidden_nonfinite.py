from __future__ import annotations

import numpy as np

from nandoctor.facts import Disagreement, HiddenFacts, LossFacts, SubjectFacts
from nandoctor.rules.forward.hidden_nonfinite import HiddenNonfinite
from nandoctor.stats import TensorStats

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
    assert "of the loss is not finite" in finding.message


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


def test_says_that_the_loss_does_not_show_it_only_where_the_compiled_loss_was_finite_throughout(origin_of, step_of):
    fed = origin_of("Placeholder", result=[NAN, 1.0], kind="input", op="x")

    (silent,) = HiddenNonfinite().check(HiddenFacts(2, (LOSS,)), step_of(fed, batches=2, losses=(NAN, 1.0)))
    (shown,) = HiddenNonfinite().check(HiddenFacts(2, (LOSS,)), step_of(fed, batches=2, losses=(NAN, INF)))

    assert "is finite in all 2 batches: neither it nor TerminateOnNaN shows the fault" in silent.message
    assert "does show a fault: it is not finite in 1 of 2 batches" in shown.message


def test_a_loss_that_stands_in_for_none_is_not_spoken_of(origin_of, step_of):
    fed = origin_of("Placeholder", result=[NAN, 1.0], kind="input", op="x")
    stands_in = LossFacts("mean-square-of-outputs", "outputs", "no labels")
    subject = SubjectFacts("keras", "m.keras", ".keras file", None, (), losses=(stands_in,))

    (finding,) = HiddenNonfinite().check(HiddenFacts(1, (LOSS,)), step_of(fed, losses=(NAN,)), subject)

    assert "compiled loss" not in finding.message


def test_the_first_layer_whose_output_is_not_finite_is_the_place(origin_of, step_of, layer_of):
    fed = origin_of("Placeholder", result=[NAN, 1.0], kind="input", op="x", layer=None)
    layers = (layer_of("clean", "Relu"), layer_of("dense", "Relu", activation=TensorStats.of(np.array([NAN, 1.0]))))

    (finding,) = HiddenNonfinite().check(HiddenFacts(1, (LOSS,)), step_of(fed, layers=layers))

    assert (finding.location.layer, finding.location.rows) == ("dense", (1,))


def test_a_nan_that_reaches_the_loss_by_another_way_is_not_called_unseen(origin_of, step_of):
    facts = HiddenFacts(1, absorbers=(("model/pool/MaxPool", "MaxPool", "pool"),))
    hidden = origin_of("Log", [-1.0], result=[NAN], reaches=(), absorbed_by=("MaxPool",), dataset_rows=(9,))
    seen = origin_of("Log", [-1.0], result=[NAN], reaches=("loss",), absorbed_by=("MaxPool",))

    (unseen,) = HiddenNonfinite().check(facts, step_of(hidden))
    (elsewhere,) = HiddenNonfinite().check(facts, step_of(seen))

    assert "nothing shows them" in unseen.message
    assert unseen.location.dataset_rows == (9,)
    assert "another way leads them (loss)" in elsewhere.message
