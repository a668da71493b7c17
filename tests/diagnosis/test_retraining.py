"""What training again amounts to, on trainings that are told instead of run."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from nandoctor.diagnosis.judging import Training
from nandoctor.diagnosis.retraining import retrained
from nandoctor.facts import Facts, History, OptimizerFacts, RunFacts, TripFacts
from nandoctor.finding import Finding, Location, Remedy, Report, ReportSubject, Summary, Tool
from nandoctor.probes.trials.attempt import Attempt, Ran
from nandoctor.probes.watch.script import Program

TOOL = Tool("nandoctor", "1", None, None, "3.11")
SCRIPT = """import keras
import tensorflow as tf


def loss(p, q):
    return tf.reduce_mean(tf.math.log(p) + q)


def other(p):
    return tf.math.log(p)


model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
"""
CLIP = Remedy("clip-argument", "Keep the argument above zero: tf.math.log(tf.maximum(x, 1e-7))")
SLOWER = Remedy("lower-learning-rate", "Divide the learning rate by 10")


def went(*losses: float, trip: int | None = None) -> Facts:
    """A run of as many steps as losses."""
    history = History(0, losses, (0.1,) * len(losses))
    tripped = None if trip is None else TripFacts("loss", trip)
    return Facts(
        tool=TOOL,
        run=RunFacts("train.py", len(losses), (OptimizerFacts("SGD", len(losses), history=history),), tripped),
    )


FAILED = went(*[1.0] * 12, math.nan, trip=12)
FINE = went(*[1.0] * 12, 0.5, *[0.25] * 13)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(SCRIPT)
    return tmp_path / "train.py"


def report(script: Path, *remedies: Remedy, cause: str = "log-of-zero") -> Report:
    place = Location(str(script), 6, op_type="Log", phase="forward", step=12)
    finding = Finding("ND201", cause, "error", "A title", "A message.", location=place, remedies=remedies)
    return Report(TOOL, ReportSubject("script", "train.py"), Summary(1, 0, 0, "sick"), (finding,))


def training(script: Path, facts: Facts = FAILED, raised: str | None = None) -> Training:
    assert facts.run is not None
    return Training(Program("train.py", ("--fast",)), script, facts.run, script.parent, raised=raised)


def answering(*answers: Ran) -> tuple[list[Attempt], Callable[[Attempt, float], Ran]]:
    """A runner that gives these answers in turn, and the list of what it was asked for."""
    asked: list[Attempt] = []

    def run(attempt: Attempt, _seconds: float) -> Ran:
        asked.append(attempt)
        return answers[len(asked) - 1]

    return asked, run


def test_a_remedy_is_verified_when_it_passes_twice_the_steps_and_the_control_fails_again(script: Path) -> None:
    asked, run = answering(Ran(FAILED, None, 2.0), Ran(FINE, None, 3.04))

    treated = retrained(report(script, SLOWER, CLIP), training(script), run)

    control, attempt = asked
    assert (control.texts, control.setting, control.most_steps, control.replays) == ({}, None, 26, False)
    assert attempt.texts == {str(script): SCRIPT.replace("log(p) + q", "log(tf.maximum(p, 1e-7)) + q")}
    assert attempt.program == Program("train.py", ("--fast",))
    first, second = treated.findings[0].remedies
    assert (first.id, first.verdict) == ("clip-argument", "verified")
    assert first.trial == {
        "tried": "the diff, trained again from the start",
        "loss_before": "NaN",
        "loss_after": 0.5,
        "failing_step": 12,
        "steps_passed": 26,
        "seconds": 3.0,
        "control": "failed again at the same step",
    }
    assert first.patch is not None
    assert first.patch.startswith("--- train.py\n+++ train.py\n")
    assert (second.verdict, second.trial) == ("untried", {"why": "clip-argument is enough"})
    assert treated.notices[0].startswith("2 runs of the script (5 s) to try remedies: none of its files was changed")
    assert script.read_text() == SCRIPT


def test_what_is_not_enough_says_what_went_wrong_next(script: Path) -> None:
    _, run = answering(
        Ran(FAILED, None, 1.0), Ran(went(*[1.0] * 20, math.inf, trip=20), None, 1.0), Ran(FINE, "ValueError", 1.0)
    )

    treated = retrained(report(script, SLOWER, CLIP), training(script), run)

    clip, slower = (next(one for one in treated.findings[0].remedies if one.id == name.id) for name in (CLIP, SLOWER))
    assert (clip.verdict, clip.trial["next_step"], clip.trial["steps_passed"]) == ("not-enough", 20, 20)
    assert clip.trial["why"] == f"{clip.trial['next_cause']} at step 20"
    assert (slower.verdict, slower.trial["why"]) == ("not-enough", "the script raised ValueError")
    assert treated.findings[0].message.endswith("None of the 2 remedies that were tried is enough.")


@pytest.mark.parametrize(
    ("control", "said"),
    [
        (Ran(FINE, None, 1.0), "did not fail within 26 steps"),
        (Ran(went(1.0, math.nan, trip=1), None, 1.0), "failed at step 1, not at 12"),
        (Ran(None, None, 1.0, "it was not over after 9 s"), "gave nothing (it was not over after 9 s)"),
    ],
)
def test_without_a_control_that_fails_again_a_trial_is_void(script: Path, control: Ran, said: str) -> None:
    _, run = answering(control)

    treated = retrained(report(script, CLIP), training(script), run)

    (remedy,) = treated.findings[0].remedies
    assert remedy.verdict == "untried"
    assert remedy.trial["why"] == f"the control run without a change {said}: a trial would be void"
    told = [one for one in treated.notices if "keras.utils.set_random_seed" in one]
    assert [one.partition(": ")[0] for one in told] == (
        [f"The control run without a change {said}"] * (not control.failure)
    )


def test_the_loss_is_left_out_where_nobody_knows_it(script: Path) -> None:
    failed, fine = went(*[math.nan] * 13, trip=12), went(*[math.nan] * 26)
    _, run = answering(Ran(failed, None, 1.0), Ran(fine, None, 1.0))

    (first,) = retrained(report(script, CLIP), training(script, failed), run).findings[0].remedies

    assert (first.verdict, first.trial["steps_passed"]) == ("verified", 26)
    assert not {"loss_before", "loss_after"} & first.trial.keys()


def test_an_exception_has_to_come_again_and_to_stay_away(script: Path) -> None:
    raised = went(1.0, 1.0)
    # It may well have been raised after the last step.
    _, run = answering(Ran(raised, "InvalidArgumentError", 1.0), Ran(raised, None, 1.0))

    (remedy,) = (
        retrained(report(script, CLIP), training(script, raised, "InvalidArgumentError"), run).findings[0].remedies
    )

    assert (remedy.verdict, remedy.trial["steps_passed"]) == ("verified", 2)


def test_a_remedy_that_cannot_be_written_says_why_and_no_control_is_run(script: Path) -> None:
    script.write_text(SCRIPT.replace("tf.math.log(p) + q", "f(p)"))
    asked, run = answering()

    treated = retrained(report(script, CLIP, Remedy("think", "Think")), training(script), run)

    assert asked == []
    assert [(one.verdict, one.trial["why"]) for one in treated.findings[0].remedies] == [
        ("untried", "it cannot be written: no Log was found on line 6"),
        ("untried", "what to write for it cannot be told from the script"),
    ]
    assert treated.notices == ()


def test_a_setting_is_changed_from_outside_where_the_source_does_not_show_it(script: Path) -> None:
    script.write_text(SCRIPT.replace("SGD(0.1)", "SGD(settings.rate)"))
    asked, run = answering(Ran(FAILED, None, 1.0), Ran(FINE, None, 1.0))

    (remedy,) = retrained(report(script, SLOWER), training(script), run).findings[0].remedies

    assert asked[1].setting is not None
    assert (asked[1].setting.kind, asked[1].setting.value, asked[1].texts) == ("learning-rate", 0.1, {})
    assert (remedy.verdict, remedy.patch) == ("verified", None)
    assert remedy.trial["tried"] == "the change from outside, trained again from the start"


def test_a_setting_that_changes_nothing_was_not_tried(script: Path) -> None:
    script.write_text(SCRIPT.replace("SGD(0.1)", "SGD(settings.rate)"))
    _, run = answering(Ran(FAILED, None, 1.0), Ran(None, None, 1.0, "it changes nothing of this script"))

    (remedy,) = retrained(report(script, SLOWER), training(script), run).findings[0].remedies

    assert (remedy.verdict, remedy.trial["why"]) == (
        "untried",
        "the run with it gave nothing: it changes nothing of this script",
    )


def test_when_the_time_is_over_the_rest_is_not_tried(script: Path) -> None:
    _, run = answering(Ran(FAILED, None, 500.0))

    (remedy,) = retrained(report(script, CLIP), training(script), run, 100.0).findings[0].remedies

    assert (remedy.verdict, remedy.trial["why"]) == ("untried", "the time for treatment (--treat-budget) was over")


def test_notes_are_not_treated(script: Path) -> None:
    plain = Report(TOOL, ReportSubject("script", "train.py"), Summary(0, 0, 0, "healthy"), ())
    asked, run = answering()

    assert retrained(plain, training(script, FINE), run) == plain
    assert asked == []
