from __future__ import annotations

import pytest

from nandoctor.facts import EvaluationFacts
from nandoctor.rules.training.val_only_nonfinite import ValOnlyNonfinite


def check(run_of, *evaluations, trip=None):
    return list(ValOnlyNonfinite().check(run_of(None, trip, run={"evaluations": evaluations})))


def test_a_validation_that_is_nan_while_training_is_finite(run_of):
    bad = EvaluationFacts("validation", ("val_loss",), 2, 1, epoch=1)
    later = EvaluationFacts("validation", ("val_loss",), 2, 1, epoch=2)

    (finding,) = check(run_of, EvaluationFacts("validation", (), 2, 0, epoch=0), bad, later)

    assert (finding.severity, finding.location.epoch) == ("error", 1)
    assert finding.evidence == {"values": 1, "of": 2, "times": 2}
    assert "The validation after epoch 1 and 1 times more gave 1 of 2 values" in finding.message


def test_each_way_of_evaluating_by_itself(run_of):
    found = check(run_of, EvaluationFacts("predict", ("out",), 8, 2), EvaluationFacts("evaluate", ("loss",), 1, 1))

    assert [finding.about for finding in found] == ["evaluation:predict", "evaluation:evaluate"]


def test_a_metric_that_has_nothing_to_count_is_a_warning(run_of):
    (finding,) = check(run_of, EvaluationFacts("evaluate", ("recall",), 2, 1))

    assert finding.severity == "warning"


@pytest.mark.parametrize("name", ["[0]", "result", "val_head_loss"])
def test_the_loss_by_any_of_its_names_is_an_error(name, run_of):
    (finding,) = check(run_of, EvaluationFacts("evaluate", (name, "[1]"), 2, 1))

    assert finding.severity == "error"


@pytest.mark.parametrize("trip", [None, "loss"])
def test_finite_evaluations_and_tripped_trainings_are_silent(trip, run_of):
    nonfinite = 0 if trip is None else 1
    assert not check(run_of, EvaluationFacts("evaluate", ("loss",), 1, nonfinite), trip=trip)
