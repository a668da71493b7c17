from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import SubjectFacts
from nandoctor.rules.data.disparate_scales import DisparateScales
from nandoctor.stats import TensorStats


@pytest.fixture
def disparate(normal):
    return normal() * np.array([0.01, 50.0], np.float32)


def test_columns_on_different_scales_are_a_warning(array, data, model, disparate):
    (finding,) = DisparateScales().check(data(array(disparate)), model(at_first_kernel=TensorStats.of(disparate)))

    assert (finding.cause, finding.severity, finding.about) == ("disparate-scales", "warning", "input:x")
    assert 3000 < finding.evidence["ratio"] < 7000
    assert (finding.evidence["widest"], finding.evidence["narrowest"]) == ("1", "0")
    assert finding.limits == {"ratio": 1e3}
    assert finding.location.columns == ("1", "0")


def test_silent_where_a_layer_rescales_or_looks_up(array, data, model, disparate):
    for entry in ({"scaled_by": "normalization"}, {"embeds": True}, {"at_first_kernel": TensorStats.of(np.ones(3))}):
        assert not list(DisparateScales().check(data(array(disparate)), model(**entry)))


def test_indicators_constants_and_one_stray_cell_do_not_count(array, data, model, normal):
    rare = np.zeros((20000, 1), np.float32)
    rare[0] = 1e-3
    constant = np.full((20000, 1), 7.0, np.float32)
    values = np.concatenate([normal(20000, 2) * 50, rare, constant], axis=1)
    stray = normal()
    stray[5, 1] = 1e6

    assert not list(DisparateScales().check(data(array(values)), model()))
    assert not list(DisparateScales().check(data(array(stray)), model()))


def test_images_get_at_most_a_note(array, data, model):
    picture = np.random.default_rng(0).normal(size=(8, 6, 6, 3)) * [1e-4, 1, 1]

    (finding,) = DisparateScales().check(data(array(picture)), model())

    assert finding.severity == "note"


def test_without_a_model_whole_numbers_may_be_ids(array, data, disparate):
    no_model: SubjectFacts | None = None
    ids = np.random.default_rng(0).integers(0, 10**6, 200)
    mixed = np.stack([ids, np.random.default_rng(1).normal(size=200)], axis=1)

    assert [f.severity for f in DisparateScales().check(data(array(disparate)), no_model)] == ["warning"]
    assert not list(DisparateScales().check(data(array(mixed)), no_model))
