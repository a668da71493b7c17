from __future__ import annotations

import pytest

from nandoctor.rules.head.loss_activation_mismatch import LossActivationMismatch

BINARY, CATEGORICAL, SPARSE = "binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"
LOGITS = (-3.0, 4.0)


def test_logits_into_a_loss_of_probabilities(subject_of):
    (finding,) = LossActivationMismatch().check(subject_of("linear", SPARSE, values=LOGITS))
    assert (finding.cause, finding.severity) == ("loss-activation-mismatch", "warning")
    assert (finding.about, finding.location.layer) == ("head:out", "dense")
    assert (finding.evidence["minimum"], finding.evidence["maximum"]) == LOGITS
    assert finding.limits == {"tolerance": 1e-3}
    assert "(from_logits=False)" in finding.message
    assert finding.remedies[0].id == "from-logits"


@pytest.mark.parametrize(("activation", "loss"), [("softmax", BINARY), ("softmax", "mean_squared_error")])
@pytest.mark.parametrize("chosen", ["compiled", "given", "inferred"])
def test_a_softmax_over_one_unit_cannot_learn_under_any_loss(activation, loss, chosen, subject_of):
    subject = subject_of(activation, loss, units=1, values=(1.0, 1.0), chosen=chosen)
    (finding,) = LossActivationMismatch().check(subject)
    assert finding.severity == "error"
    assert "exactly 1" in finding.message


def test_one_class_is_always_right(subject_of):
    (finding,) = LossActivationMismatch().check(subject_of("sigmoid", CATEGORICAL, units=1))
    assert finding.severity == "error"
    assert "always 0" in finding.message


@pytest.mark.parametrize(
    ("activation", "loss", "fields", "said"),
    [
        ("softmax", SPARSE, {"from_logits": True}, "expects logits"),
        ("sigmoid", BINARY, {"from_logits": True, "units": 1}, "expects logits"),
        ("softmax", CATEGORICAL, {"earlier": "softmax"}, "applied to the result of a softmax"),
        ("relu", CATEGORICAL, {}, "never negative"),
        ("tanh", BINARY, {"units": 1, "values": (-0.9, 0.9)}, "within -1..1"),
        ("tanh", BINARY, {"units": 1, "from_logits": True}, "within -1..1"),
    ],
)
def test_pairs_that_do_not_fit(activation, loss, fields, said, subject_of):
    (finding,) = LossActivationMismatch().check(subject_of(activation, loss, **fields))
    assert finding.severity == "warning"
    assert said in finding.message


@pytest.mark.parametrize(
    ("activation", "loss", "fields"),
    [
        ("softmax", SPARSE, {}),
        ("sigmoid", BINARY, {"units": 1}),
        ("linear", SPARSE, {"from_logits": True, "values": LOGITS}),
        ("linear", "mean_squared_error", {"values": LOGITS, "from_logits": None}),
        ("tanh", "mean_squared_error", {"from_logits": None}),
        ("linear", BINARY, {"units": 1, "values": (0.0, 1.0005)}),  # probabilities made by hand
        ("linear", SPARSE, {"values": LOGITS, "chosen": "inferred"}),
        ("relu", CATEGORICAL, {"chosen": "outputs"}),
        ("softmax", "mean-square-of-outputs", {"units": 1, "chosen": "outputs"}),
    ],
)
def test_pairs_that_fit_are_silent(activation, loss, fields, subject_of):
    assert not list(LossActivationMismatch().check(subject_of(activation, loss, **fields)))
