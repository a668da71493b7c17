from __future__ import annotations

import numpy as np

from nandoctor.rules.data.precision_loss import PrecisionLoss

GENERATOR = np.random.default_rng(0)


def test_timestamps_of_ten_minutes_in_float32(array, data, model):
    times = 1.7e9 + GENERATOR.uniform(0, 600, (100, 1))

    (finding,) = PrecisionLoss().check(data(array(times)), model())

    assert (finding.cause, finding.severity, finding.about) == ("precision-loss", "warning", "input:x")
    assert finding.evidence["step"] == np.spacing(np.float32(1.7e9)) == 128
    assert 1 < finding.evidence["steps_per_std"] < 2
    assert finding.limits == {"steps_per_std": 32.0}
    assert finding.location.columns == ("0",)


def test_timestamps_that_were_stored_in_float32_have_lost_it_already(array, data, model):
    times = (1.7e9 + GENERATOR.uniform(0, 600, (100, 1))).astype(np.float32)

    assert [f.severity for f in PrecisionLoss().check(data(array(times)), model())] == ["warning"]


def test_a_scaling_layer_comes_too_late(array, data, model):
    times = 1.7e9 + GENERATOR.uniform(0, 600, (100, 1))

    assert [f.severity for f in PrecisionLoss().check(data(array(times)), model(scaled_by="norm"))] == ["warning"]


def test_whole_numbers_that_are_rounded_but_widely_spread_are_a_note(array, data, model):
    numbers = GENERATOR.integers(0, 10**9, (100, 1))

    (finding,) = PrecisionLoss().check(data(array(numbers)), model())

    assert finding.severity == "note"
    assert not list(PrecisionLoss().check(data(array(numbers)), model(embeds=True)))
    assert not list(PrecisionLoss().check(data(array(numbers)), model(dtype="int64")))
    assert not list(PrecisionLoss().check(data(array(numbers)), model(dtype="float64")))


def test_whole_numbers_that_float32_holds_exactly_are_silent(array, data, model):
    close = 2**30 + 64 * GENERATOR.integers(0, 9, (100, 1)) * 2
    below = 2**24 - GENERATOR.integers(0, 9, (100, 1))
    multiples = 2**20 * GENERATOR.integers(0, 1000, (100, 1))

    assert not list(PrecisionLoss().check(data(array(below)), model()))
    assert not list(PrecisionLoss().check(data(array(close)), model()))
    assert not list(PrecisionLoss().check(data(array(multiples)), model()))


def test_overflow_of_float16_is_an_error_with_its_rows(array, data, model, normal):
    values = normal()
    values[40, 1] = 70000.0

    (finding,) = PrecisionLoss().check(data(array(values)), model(dtype="float16"))

    assert finding.severity == "error"
    assert finding.location.dataset_rows == (40,)
    assert finding.evidence["largest"] == 65504
    assert not list(PrecisionLoss().check(data(array(values)), model()))


def test_the_largest_number_that_rounds_down_does_not_overflow(array, data, model):
    values = np.linspace(-65519.0, 65519.0, 100)[:, None]

    assert np.isfinite(values.astype(np.float16)).all()
    assert not [f for f in PrecisionLoss().check(data(array(values)), model(dtype="float16")) if f.severity == "error"]


def test_subnormal_values_are_a_note(array, data, model, normal):
    values = normal()
    values[:3, 0] = 1e-40

    (finding,) = PrecisionLoss().check(data(array(values)), model())

    assert (finding.severity, finding.evidence["subnormal"]) == ("note", 3)


def test_ordinary_values_are_silent_in_every_float(array, data, model, normal):
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        assert not list(PrecisionLoss().check(data(array(normal(2000))), model(dtype=dtype)))
        assert not list(PrecisionLoss().check(data(array(np.arange(256.0))), model(dtype=dtype)))


def test_without_a_model_it_is_a_note_about_float32(array, data):
    (finding,) = PrecisionLoss().check(data(array(1.7e9 + GENERATOR.uniform(0, 600, (100, 1)))))

    assert finding.severity == "note"
    assert "float32 is assumed" in finding.message
