from __future__ import annotations

import numpy as np
import pytest

from nandoctor.rules.data.outliers import Outliers
from nandoctor.stats import TensorStats


def with_stray(values, value, row=17):
    values = values.copy()
    values[row, 1] = value
    return values


def test_a_slipped_decimal_point_is_found_at_its_row(array, data, model, normal):
    (finding,) = Outliers().check(data(array(with_stray(normal(1000), 1e6))), model())

    assert (finding.cause, finding.severity, finding.about) == ("outliers", "warning", "input:x")
    assert finding.location.dataset_rows == (17,)
    assert finding.location.columns == ("1",)
    assert (finding.evidence["value"], finding.evidence["row"], finding.evidence["cells"]) == (1e6, 17, 1)
    assert finding.evidence["score"] > 1e5
    assert finding.evidence["share"] == 0.001
    assert finding.limits == {"score": 20.0, "share": 0.01, "severe": 1e4}


def test_a_moderate_outlier_is_a_note(array, data, model, normal):
    (finding,) = Outliers().check(data(array(with_stray(normal(1000), -100.0))), model())

    assert finding.severity == "note"
    assert 80 < finding.evidence["score"] < 120


def test_labels_are_looked_at_too(array, label, data, normal):
    (finding,) = Outliers().check(data(array(normal(1000)), label(with_stray(normal(1000), 1e6))))

    assert finding.about == "label:y"


@pytest.mark.parametrize(
    "sample",
    [
        lambda g: g.normal(size=10_000),
        lambda g: g.exponential(size=10_000),
        lambda g: g.lognormal(size=10_000),
        lambda g: g.lognormal(sigma=2, size=10_000),
        lambda g: g.standard_t(3, size=10_000),
        lambda g: g.poisson(3, size=10_000),
        lambda g: g.gamma(0.3, size=10_000),
    ],
    ids=["normal", "exponential", "lognormal", "wide lognormal", "t(3)", "poisson", "gamma"],
)
def test_silent_on_healthy_columns_with_whatever_tail(array, data, sample):
    assert not list(Outliers().check(data(array(sample(np.random.default_rng(3))))))


def test_silent_where_the_middle_half_is_one_value_or_outliers_are_common(array, data, normal):
    sparse = np.zeros((1000, 2), np.float32)
    sparse[5, 1] = 1e6
    common = normal(1000)
    common[:50, 1] = np.linspace(1e6, 2e6, 50)

    assert not list(Outliers().check(data(array(sparse))))
    assert not list(Outliers().check(data(array(common))))


def test_repeated_extremes_are_left_to_sentinels(array, data, normal):
    values = normal(1000)
    values[[3, 4, 5], 1] = -1e6

    assert not list(Outliers().check(data(array(values))))


def test_harmless_where_the_model_squashes_or_looks_up(array, data, model, normal):
    stray = data(array(with_stray(normal(1000), 1e6)))

    (finding,) = Outliers().check(stray, model(at_first_kernel=TensorStats.of(np.array([0.0, 5.0]))))
    assert finding.severity == "note"
    (finding,) = Outliers().check(stray, model(scaled_by="normalization"))
    assert finding.severity == "warning", "a constant factor leaves an outlier an outlier"
    assert not list(Outliers().check(stray, model(embeds=True)))
