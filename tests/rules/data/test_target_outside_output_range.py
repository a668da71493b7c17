from __future__ import annotations

import numpy as np
import pytest

from nandoctor.rules.data.target_outside_output_range import TargetOutsideOutputRange

RULE = TargetOutsideOutputRange()


@pytest.mark.parametrize(
    ("activation", "targets"),
    [("sigmoid", np.linspace(0, 4, 200)), ("tanh", np.linspace(7, 12, 200)), ("softmax", np.linspace(0, 9, 200))],
)
def test_targets_beyond_the_activation(label, data, model, activation, targets):
    (finding,) = RULE.check(data(label(targets)), model("mean_squared_error", 1, activation))

    assert (finding.cause, finding.about) == ("target-outside-output-range", "label:y")
    assert finding.severity == "error", "at least half of the targets cannot be reached"
    assert 0.5 <= finding.evidence["share"] <= np.mean(targets > 1)
    assert finding.limits["share"] == 0.01
    assert finding.limits["high"] == 1.0
    assert finding.location.columns == ("0",)
    assert len(finding.location.dataset_rows) == 16


def test_all_targets_outside_are_counted_exactly(label, data, model):
    (finding,) = RULE.check(data(label(np.linspace(7, 12, 200))), model("mean_squared_error", 1, "tanh"))

    assert finding.evidence["share"] == 1.0
    assert finding.message.startswith("100.0% of labels")


def test_some_negative_targets_for_a_relu(label, data, model):
    targets = np.linspace(0, 5, 200)[:, None]
    targets[:10] = -1

    (finding,) = RULE.check(data(label(targets)), model("mean_absolute_error", 1, "relu"))

    assert (finding.severity, finding.evidence["share"]) == ("warning", 0.05)
    assert "high" not in finding.limits
    assert finding.location.dataset_rows == tuple(range(10))


def test_two_strays_in_a_thousand_are_no_wrong_head(label, data, model):
    targets = np.linspace(0, 1, 1000)[:, None]
    targets[:2] = 5

    assert not list(RULE.check(data(label(targets)), model("mean_squared_error", 1, "sigmoid")))


@pytest.mark.parametrize("loss", ["binary_crossentropy", "my_loss", None])
def test_silent_under_other_losses(label, data, model, loss):
    assert not list(RULE.check(data(label(np.linspace(0, 4, 200))), model(loss, 1, "sigmoid")))


@pytest.mark.parametrize("activation", ["linear", "other"])
def test_silent_on_heads_without_bounds(label, data, model, activation):
    assert not list(RULE.check(data(label(np.linspace(-9, 9, 200))), model("mse", 1, activation)))


@pytest.mark.parametrize(("activation", "low"), [("sigmoid", 0.0), ("tanh", -1.0), ("relu", 0.0)])
def test_silent_up_to_the_bounds_themselves(label, data, model, activation, low):
    assert not list(RULE.check(data(label(np.linspace(low, 1, 200))), model("mean_squared_error", 1, activation)))
