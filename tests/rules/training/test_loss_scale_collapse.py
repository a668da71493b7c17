from __future__ import annotations

import math

import pytest

from nandoctor.rules.training.loss_scale_collapse import LossScaleCollapse


def check(run_of, **optimizer):
    return list(LossScaleCollapse().check(run_of(**optimizer)))


def test_a_scale_below_one_after_many_updates_left_out_in_a_row(run_of):
    (finding,) = check(run_of, loss_scale=2.0**-9, skipped=24, skipped_in_a_row=24, steps=24)

    assert (finding.severity, finding.location.phase) == ("error", "update")
    assert finding.evidence["scale"] == 2.0**-9
    assert finding.limits == {"in_a_row": 20, "scale": 1.0}


def test_a_scale_of_one_at_which_the_gradients_are_not_finite_still(history_of, run_of):
    history = history_of([1e9] * 16, [math.nan] * 16)

    (finding,) = LossScaleCollapse().check(run_of(history, "gradient", loss_scale=1.0, steps=15))

    assert finding.severity == "error"
    assert (finding.evidence["skipped"], finding.evidence["in_a_row"]) == (16, 16)


def test_batches_that_are_left_out_in_each_epoch(run_of):
    (finding,) = check(run_of, loss_scale=0.5, skipped=60, skipped_in_a_row=2, steps=1000)

    assert finding.severity == "warning"
    assert finding.evidence["share"] == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("scale", "skipped", "in_a_row", "steps"),
    [
        (2.0**15, 0, 0, 500),
        (1.0, 15, 15, 40),  # Keras' first scale, all of it
        (2.0**-2, 17, 17, 400),
        (4.0, 26, 26, 400),  # a first scale of 2^28
        (2.0**12, 25, 9, 50_000),  # one each time that the scale doubles
    ],
)
def test_a_scale_that_settles_is_silent(scale, skipped, in_a_row, steps, run_of):
    assert not check(run_of, loss_scale=scale, skipped=skipped, skipped_in_a_row=in_a_row, steps=steps)


def test_without_a_scale_there_is_nothing_to_collapse(run_of):
    assert not check(run_of, skipped=90, skipped_in_a_row=90)
