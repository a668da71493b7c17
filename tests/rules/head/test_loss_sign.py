from __future__ import annotations

import pytest

from nandoctor.rules.head.loss_sign import LossSign


def test_a_negative_cross_entropy(subject_of, step_of):
    step = step_of(losses=(0.5, -3.0, -20.0))
    (finding,) = LossSign().check(step, subject_of("sigmoid", "binary_crossentropy", units=1))
    assert (finding.cause, finding.severity, finding.about) == ("loss-sign", "warning", "loss:binary_crossentropy")
    assert finding.location.phase == "forward"
    assert (finding.evidence["loss"], finding.evidence["negative_batches"]) == (-20.0, 2)
    assert finding.limits == {"loss": -1e-6}


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        ("binary_crossentropy", 0.0),
        ("binary_crossentropy", -1e-8),  # rounding
        ("binary_crossentropy", float("nan")),
        ("negative_log_likelihood", -5.0),  # a density may exceed 1
        ("cosine_similarity", -1.0),
    ],
)
def test_losses_that_may_be_what_they_are(loss, value, subject_of, step_of):
    assert not list(LossSign().check(step_of(losses=(value,)), subject_of("sigmoid", loss)))
