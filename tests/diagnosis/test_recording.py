from __future__ import annotations

import math
from typing import Any

import pytest

from nandoctor.diagnosis.recording import LAST_STEPS, run_examined, run_report
from nandoctor.facts import History, OptimizerFacts, RunFacts, TripFacts

INF, NAN = math.inf, math.nan


def run(losses: list[float], trip: TripFacts | None = None, **fields: Any) -> RunFacts:
    history = History(0, tuple(losses), (0.01,) * len(losses), gradient_norms={"k": (2.0,) * len(losses)})
    return RunFacts("train.py", len(losses), (OptimizerFacts("Adam", len(losses), history=history),), trip, **fields)


@pytest.mark.parametrize(
    ("losses", "trip", "told"),
    [
        ([1.0, NAN], TripFacts("loss", 1, epoch=1, batch=5), "step 1 (epoch 1, batch 5): the loss is NaN"),
        ([1.0, INF], TripFacts("loss", 1), "at step 1: the loss is Inf"),
        ([1.0], TripFacts("loss", 7), "step 7: the loss is not finite"),
        (
            [1.0, 0.5],
            TripFacts("gradient", 1, bad=("dense/kernel",)),
            "the gradient of dense/kernel is not finite, while the loss is 0.5",
        ),
        ([1.0], TripFacts("learning-rate", 0, learning_rate=NAN), "the learning rate is NaN"),
        ([1.0], TripFacts("weights", 0, bad=("w",)), "the update left w not finite, from finite gradients"),
        ([1.0, NAN], TripFacts("loss", 1, worker=1, replica=0), "step 1 (worker 1, replica 0): the loss is NaN"),
    ],
)
def test_it_says_what_tripped_and_where(losses: list[float], trip: TripFacts, told: str) -> None:
    found = run_report(run(losses, trip)).told

    assert found.startswith("Training tripped at")
    assert told in found


def test_of_an_evaluation_it_says_what_of_its_results_and_in_which_batch() -> None:
    trip = TripFacts("evaluation", 40, epoch=1, batch=2, bad=("loss",), way="validation")

    assert run_report(run([1.0, 0.5], trip)).told == (
        "After 40 steps of training the validation gave values of loss that are not finite (epoch 1, batch 2)"
    )


@pytest.mark.parametrize(
    ("losses", "before"),
    [
        ([3.0**step for step in range(20)] + [NAN], "Before it the loss grew 3 times a step for 19 steps, from 1 to"),
        (
            [0.5, 0.4, 0.3, NAN],
            "The loss was fine until this batch: 0.3 at last, with a gradient norm of 2",
        ),
        ([NAN], "It was the first step."),
    ],
)
def test_it_says_whether_it_had_been_coming(losses: list[float], before: str) -> None:
    assert (run_report(run(losses, TripFacts("loss", len(losses) - 1))).before or "").startswith(before)


def test_a_healthy_run_in_one_line() -> None:
    found = run_report(run([1.0] * 40))

    assert (found.told, found.before, found.trip) == ("40 steps watched, nothing tripped", None, None)


def test_the_last_steps_of_the_record_up_to_the_trip() -> None:
    found = run_report(run([1.0] * 30 + [NAN] + [1.0] * 9, TripFacts("loss", 30)))

    assert [one.step for one in found.recorded] == list(range(31 - LAST_STEPS, 31))
    assert [one.step for one in found.history] == list(range(31))
    assert found.history[-LAST_STEPS:] == found.recorded
    assert math.isnan(found.recorded[-1].loss)
    assert (found.recorded[0].gradient_norm, found.recorded[0].learning_rate) == (2.0, 0.01)


def test_what_was_examined_of_a_run() -> None:
    trip = TripFacts("loss", 39, reproduced=True)
    lines = list(
        run_examined(
            run([1.0] * 40, trip, epochs=2, ways=("fit",), check_ups=(0, 20), skipped_updates=(3,), cost=0.012)
        )
    )

    assert lines == [
        "training: 40 steps watched in 2 epochs, by fit",
        "optimizer: Adam, 40 updates",
        "check-ups: steps 0, 20 looked at op by op",
        "replay of step 39: not finite there either, looked at op by op",
        "left out: the updates of step 3",
        "cost of the watch: 1.2% of the time, its checks inside the steps not counted",
    ]


def test_the_terms_of_the_loss_and_an_update_that_was_measured() -> None:
    history = History(
        4,
        (3.0, 2.5),
        (0.1, 0.1),
        terms={"error": (2.0, 1.5), "regularization of k": (1.0, 1.0)},
        updates={"k": (0.25, NAN), "b": (0.125, NAN)},
    )

    lines = list(run_examined(RunFacts("train.py", 6, (OptimizerFacts("Adam", 6, history=history),))))

    assert "terms of the loss at step 5: error 1.5, regularization of k 1" in lines
    assert "update of step 4: at most 0.25 of a variable's norm (k)" in lines


def test_a_run_without_a_record_or_an_optimizer() -> None:
    assert run_report(RunFacts("train.py", 0)).recorded == ()
    assert run_report(RunFacts("train.py", 1, trip=TripFacts("loss", 0))).told.endswith("the loss is not finite")


def test_gradients_that_were_not_finite_before_are_told() -> None:
    history = History(0, (1.0,) * 9, (0.1,) * 9, gradient_norms={"k": (1.0, *([NAN] * 8))})
    tripped = RunFacts("train.py", 9, (OptimizerFacts("Adam", 9, history=history),), TripFacts("gradient", 8))

    assert run_report(tripped).before == "The norm of the gradients was not finite in the 7 steps before, either."
