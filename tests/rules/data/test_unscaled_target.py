from __future__ import annotations

import numpy as np
import pytest

from nandoctor.rules.data.unscaled_target import UnscaledTarget

PRICES = np.random.default_rng(0).uniform(50_000.0, 500_000.5, (200, 1))


def test_house_prices_on_a_linear_head(label, data, model):
    (finding,) = UnscaledTarget().check(data(label(PRICES)), model("mean_squared_error", outputs=[-1.0, 2.0]))

    assert (finding.cause, finding.severity, finding.about) == ("unscaled-target", "warning", "label:y")
    assert 4e5 < finding.evidence["max_abs"] < 5e5
    assert finding.evidence["initial_squared_error"] == finding.evidence["max_abs"] ** 2
    assert finding.limits == {"max_abs": 1e3, "reached": 0.1}
    assert finding.location.columns == ("0",)


def test_silent_on_a_model_whose_outputs_have_arrived(label, data, model):
    trained = model("mean_squared_error", outputs=[60_000.0, 420_000.0])

    assert not list(UnscaledTarget().check(data(label(PRICES)), trained))


def test_outputs_that_flew_far_beyond_the_targets_have_not_arrived(label, data, model):
    (finding,) = UnscaledTarget().check(data(label(PRICES)), model("mean_squared_error", outputs=[-1e28, 2e27]))

    assert finding.severity == "warning"


@pytest.mark.parametrize("loss", ["mean_absolute_error", "huber", "mean_squared_logarithmic_error", None])
def test_silent_under_losses_that_grow_slower(label, data, model, loss):
    assert not list(UnscaledTarget().check(data(label(PRICES)), model(loss)))


def test_silent_on_scaled_targets(label, data, model, normal):
    assert not list(UnscaledTarget().check(data(label(normal(200, 1))), model("mean_squared_error")))


def test_without_a_model_it_is_a_note_and_class_ids_are_left_alone(label, data):
    (finding,) = UnscaledTarget().check(data(label(PRICES)))

    assert finding.severity == "note"
    assert not list(UnscaledTarget().check(data(label(PRICES.astype(int)))))
