from __future__ import annotations

import numpy as np
import pytest

from nandoctor.rules.data.sentinel_in_data import SentinelInData


def with_code(values, code, rows=(3, 70, 111, 150)):
    values = values.copy()
    values[list(rows), 1] = code
    return values


@pytest.mark.parametrize("code", [-999.0, 9999.0, 999.9, 1e20, -32768.0])
def test_a_known_code_is_a_warning(array, data, normal, code):
    (finding,) = SentinelInData().check(data(array(with_code(normal(), code))))

    assert (finding.cause, finding.severity, finding.confidence) == ("sentinel-in-data", "warning", "high")
    assert finding.evidence["value"] == np.float32(code)
    assert finding.evidence["count"] == 4
    assert finding.evidence["distance"] > 5
    assert finding.limits == {"count": 3, "distance": 5.0}
    assert finding.location.dataset_rows == (3, 70, 111, 150)
    assert finding.location.columns == ("1",)


def test_any_other_repeated_extreme_is_a_note(array, data, normal):
    (finding,) = SentinelInData().check(data(array(with_code(normal(), 77.0))))

    assert (finding.severity, finding.confidence) == ("note", "low")


def test_clipped_samples_of_a_sound_are_a_note(array, data):
    sound = (300 * np.random.default_rng(0).normal(size=(1000, 1))).astype(np.int16)
    sound[100:110] = 32767

    (finding,) = SentinelInData().check(data(array(sound)))

    assert finding.severity == "note"


def test_two_codes_in_one_column_are_both_named(array, data, normal):
    values = with_code(with_code(normal(), -999.0), -9999.0, rows=(5, 6, 7))

    (finding,) = SentinelInData().check(data(array(values)))

    assert "-999" in finding.message
    assert "-9,999" in finding.message


def test_silent_on_two_copies_on_near_values_and_on_something_further_out(array, data, normal):
    rule = SentinelInData()
    further = with_code(normal(), 77.0)
    further[0, 1] = 500.0

    assert not list(rule.check(data(array(with_code(normal(), -999.0, rows=(3, 4))))))
    assert not list(rule.check(data(array(with_code(normal(), 4.0)))))
    assert not list(rule.check(data(array(further))))
    assert not list(rule.check(data(array(normal()))))


def test_silent_on_images_ids_classes_and_sparse_columns(array, label, data, model, normal):
    picture = np.full((4, 8, 8, 3), 0.1)
    picture[0, 0, :3] = 999.0
    sparse = np.zeros((200, 1))
    sparse[:4] = 999.0
    ids = np.random.default_rng(0).integers(0, 5, (200, 1))
    ids[:4] = 999
    rule = SentinelInData()

    assert not list(rule.check(data(array(picture))))
    assert not list(rule.check(data(array(sparse))))
    assert not list(rule.check(data(array(ids)), model(embeds=True)))
    assert not list(rule.check(data(label(ids)), model("sparse_categorical_crossentropy", units=5)))


def test_a_regression_label_is_looked_at(label, data, model, normal):
    (finding,) = SentinelInData().check(data(label(with_code(normal(), -999.0))), model("mean_squared_error"))

    assert (finding.severity, finding.about) == ("warning", "label:y")
