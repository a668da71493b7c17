from __future__ import annotations

from nandoctor.diagnosis.check_ups import CheckUps
from nandoctor.facts import Facts, History, OptimizerFacts, RunFacts
from nandoctor.finding import Tool

TOOL = Tool("nandoctor", "0.1.0", "2.21.0", "3.15.1", "3.11.7")


def recorded(loss: list[float]) -> Facts:
    """The facts of a training whose gradients and weights grow as its loss does."""
    history = History(
        0,
        tuple(loss),
        (0.1,) * len(loss),
        gradient_norms={"kernel": tuple(loss)},
        weight_norms={"kernel": tuple(loss)},
    )
    return Facts(tool=TOOL, run=RunFacts("train.py", len(loss), (OptimizerFacts("SGD", len(loss), history=history),)))


def test_a_divergence_is_told_once() -> None:
    check_ups = CheckUps()

    (line,) = check_ups.told(recorded([4.0**step for step in range(20)]))

    assert line.startswith("after step 19, warning: Learning rate too high (learning-rate-too-high). The loss grew 4")
    assert list(check_ups.told(recorded([4.0**step for step in range(30)]))) == []


def test_what_has_become_of_a_divergence_is_told_by_the_record_at_the_end() -> None:
    check_ups = CheckUps()

    list(check_ups.told(recorded([4.0**step for step in range(20)])))

    assert check_ups.gone() == ()


def test_nothing_is_told_of_a_loss_that_falls() -> None:
    assert list(CheckUps().told(recorded([0.9**step for step in range(60)]))) == []
