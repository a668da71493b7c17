from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import ArrayFacts
from nandoctor.rules.data.unscaled_input import UnscaledInput
from nandoctor.stats import TensorStats

LARGE = np.random.default_rng(0).uniform(0, 10000, (200, 2)).astype(np.float32)
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)


def test_large_values_that_reach_a_kernel_are_a_warning(array, data, model):
    (finding,) = UnscaledInput().check(data(array(LARGE)), model(at_first_kernel=TensorStats.of(LARGE)))

    assert (finding.cause, finding.severity, finding.about) == ("unscaled-input", "warning", "input:x")
    assert 9000 < finding.evidence["max_abs"] < 10000
    assert finding.evidence["max_abs_at_first_kernel"] == LARGE.max()
    assert finding.limits == {"max_abs": 100.0, "mean_to_std": 10.0}
    assert finding.location.columns == ("0", "1")
    assert "Normalization" in finding.remedies[0].title


def test_large_integers_into_a_matrix_product_are_no_ids(array, data, model):
    assert [f.severity for f in UnscaledInput().check(data(array(LARGE.astype(int))), model())] == ["warning"]


@pytest.mark.parametrize(
    "entry",
    [
        {"scaled_by": "normalization"},
        {"embeds": True},
        {"at_first_kernel": TensorStats.of(np.log1p(LARGE))},
        {"consumers": ("Log1p",)},
    ],
    ids=["scaled", "embedded", "squashed", "no kernel"],
)
def test_silent_where_the_values_do_not_reach_a_kernel_as_they_are(array, data, model, entry):
    assert not list(UnscaledInput().check(data(array(LARGE)), model(**entry)))


def test_without_a_model_only_fractions_are_judged(array, data):
    (finding,) = UnscaledInput().check(data(array(LARGE)))

    assert (finding.severity, finding.confidence) == ("warning", "medium")
    assert not list(UnscaledInput().check(data(array(LARGE.round()))))


def test_pixels_without_scaling_are_a_note_that_names_the_layer(array, data, model):
    (finding,) = UnscaledInput().check(data(array(PIXELS)), model())

    assert finding.severity == "note"
    assert "Rescaling" in finding.remedies[0].title
    assert not list(UnscaledInput().check(data(array(PIXELS)), model(scaled_by="rescaling")))


def test_one_stray_cell_is_not_a_scale(array, data, model, normal):
    values = normal()
    values[3, 0] = 1e6

    assert not list(UnscaledInput().check(data(array(values)), model()))


def test_an_offset_alone_is_a_note(array, data, model, normal):
    (finding,) = UnscaledInput().check(data(array(normal() + 50)), model())

    assert finding.severity == "note"
    assert 40 < finding.evidence["mean_to_std"] < 60
    assert not list(UnscaledInput().check(data(array(normal() + 50)), model(scaled_by="normalization")))


def test_silent_on_unit_values_constants_and_strings(array, data, model, normal):
    words = ArrayFacts("x", "input", "x", "string", (200,), None)

    for healthy in (array(normal()), array(np.ones((9, 2))), array(np.eye(4)), words):
        assert not list(UnscaledInput().check(data(healthy), model()))
