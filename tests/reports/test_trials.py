from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from nandoctor.finding import Remedy, Scalar
from nandoctor.reports.trials import told_trial

LOCAL: dict[str, Scalar] = {
    "tried": "log(max(x, 1e-07))",
    "loss_before": math.nan,
    "loss_after": 0.6931,
    "updated_with": "w - 0.01 g",
}


@pytest.mark.parametrize(
    ("trial", "told"),
    [
        ({}, "verified: gradients finite"),
        (
            LOCAL | {"rows_unchanged": 61, "rows_compared": 61, "largest_change": 1e-7},
            "verified: log(max(x, 1e-07)); loss NaN -> 0.6931, gradients and updated weights finite; "
            "61 of 61 good rows unchanged (largest change 1e-07)",
        ),
        (
            LOCAL | {"rows_unchanged": 0, "rows_compared": 0},
            "verified: log(max(x, 1e-07)); loss NaN -> 0.6931, gradients and updated weights finite; "
            "no row was fine before",
        ),
        (
            {"tried": "exp(clip(x, -20, 20))", "rows_unchanged": 3, "rows_compared": 3},
            "verified: exp(clip(x, -20, 20)); results finite; 3 of 3 good rows unchanged",
        ),
        (
            {"tried": "learning rate 0.001", "failing_step": 37, "steps_passed": 74},
            "verified: learning rate 0.001; gradients finite; 74 steps passed (failed at step 37 without)",
        ),
    ],
)
def test_a_verified_remedy_tells_its_figures(trial: Mapping[str, Scalar], told: str) -> None:
    assert told_trial(Remedy("a", "A", verdict="verified", trial=trial)) == told


def test_what_is_not_enough_says_what_went_wrong() -> None:
    trial: Mapping[str, Scalar] = {
        "tried": "exp(min(x, 88))",
        "loss_before": math.inf,
        "loss_after": math.nan,
        "why": "0 * Inf in Mul",
    }

    told = told_trial(Remedy("a", "A", verdict="not-enough", trial=trial))

    assert told == "tried, not enough: exp(min(x, 88)); loss Inf -> NaN; 0 * Inf in Mul"


def test_what_was_not_tried_says_why_if_that_is_known() -> None:
    assert told_trial(Remedy("a", "A")) == "not tried"
    assert told_trial(Remedy("a", "A", trial={"why": "it needs another run"})) == "not tried: it needs another run"
