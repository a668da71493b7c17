from __future__ import annotations

import numpy as np
import pytest

from nandoctor.rules.training.learning_rate_too_low import LearningRateTooLow


def noisy(level, steps=80, seed=0):
    return tuple(level + np.random.default_rng(seed).normal(0, 0.001, steps))


def test_updates_below_the_last_digit_of_float32(history_of, run_of):
    (finding,) = LearningRateTooLow().check(run_of(history_of(noisy(2.3), rates=1e-10)))

    assert (finding.severity, finding.location.phase) == ("warning", "update")
    assert finding.evidence["update_to_weight"] == pytest.approx(1e-10)
    assert finding.limits["update_to_weight"] == 2.0**-24


def test_measured_updates_that_bfloat16_rounds_away(history_of, run_of):
    history = history_of(noisy(2.3), rates=1e-4, updates=[1e-3] * 80)

    (finding,) = LearningRateTooLow().check(run_of(history, name="Adam", dtype="bfloat16"))

    assert "bfloat16 rounds them away" in finding.message
    assert not list(LearningRateTooLow().check(run_of(history, name="Adam")))


def test_weights_that_do_not_change_at_all(history_of, run_of):
    (finding,) = LearningRateTooLow().check(run_of(history_of(noisy(2.3), rates=1e-12), name="Adam"))

    assert finding.confidence == "medium"
    assert "no variable's norm changed at all" in finding.message


def test_a_rate_of_zero(history_of, run_of):
    (finding,) = LearningRateTooLow().check(run_of(history_of(noisy(2.3), rates=0.0)))

    assert finding.evidence["learning_rate"] == 0.0


def test_a_record_that_does_not_reach_back_to_the_start_gives_a_note(history_of, run_of):
    (finding,) = LearningRateTooLow().check(run_of(history_of(noisy(2.3), rates=1e-10, first_step=9000)))

    assert finding.severity == "note"


@pytest.mark.parametrize(
    "given",
    [
        {"losses": noisy(2.3, 20), "rates": 1e-10},  # too few steps to tell
        {"losses": [2.3 - step / 50 for step in range(80)], "rates": 1e-10},  # it learns
        {"losses": noisy(0.1), "rates": [0.1] * 20 + [0.0] * 60},  # the end of a schedule
        {"losses": noisy(0.0), "gradients": [1e-9] * 80},  # it has learned
        {"losses": noisy(2.3), "gradients": [0.0] * 80},  # the gradient is gone
        {"losses": noisy(2.3), "rates": 1e-3},
    ],
)
def test_healthy_histories_are_silent(given, history_of, run_of):
    assert not list(LearningRateTooLow().check(run_of(history_of(**given))))


def test_fine_tuning_with_adam_is_silent(history_of, run_of):
    weights = [1.0 + 1e-5 * step for step in range(80)]

    assert not list(
        LearningRateTooLow().check(run_of(history_of(noisy(0.4), weights=weights, rates=1e-5), name="Adam"))
    )


def test_a_tripped_run_has_other_troubles(history_of, run_of):
    assert not list(LearningRateTooLow().check(run_of(history_of(noisy(2.3), rates=1e-10), "loss")))
