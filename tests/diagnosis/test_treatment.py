from __future__ import annotations

import pytest

from nandoctor.diagnosis.treatment import treated, with_trials
from nandoctor.facts.trial import Trial
from nandoctor.finding import Finding, Remedy, Report, ReportSubject, Summary, Tool

FINDING = Finding(
    "ND201",
    "log-of-zero",
    "error",
    "Logarithm of zero",
    "Log of exactly 0.",
    remedies=(Remedy("loss-from-logits", "From logits"), Remedy("clip-argument", "Clip"), Remedy("drop-rows", "Drop")),
)


def test_what_helps_comes_first_and_of_that_what_changes_least() -> None:
    found = with_trials(
        FINDING,
        {"loss-from-logits": Trial(reach="loss"), "clip-argument": Trial(), "drop-rows": Trial(failed="NaN again")},
    )

    assert [(one.id, one.verdict) for one in found.remedies] == [
        ("clip-argument", "verified"),
        ("loss-from-logits", "verified"),
        ("drop-rows", "not-enough"),
    ]
    assert found.message == FINDING.message


def test_a_remedy_without_a_trial_stays_as_it_was() -> None:
    found = with_trials(FINDING, {"drop-rows": Trial(reach="data")})

    assert [one.verdict for one in found.remedies] == ["verified", "untried", "untried"]
    assert found.remedies[1] == FINDING.remedies[0]


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        ({"clip-argument": Trial(failed="NaN")}, "The one remedy that was tried is not enough."),
        (
            {"clip-argument": Trial(failed="NaN"), "drop-rows": Trial(failed="NaN")},
            "None of the 2 remedies that were tried is enough.",
        ),
    ],
)
def test_it_says_plainly_that_nothing_helps(trials: dict[str, Trial], said: str) -> None:
    found = with_trials(FINDING, trials)

    assert found.message == f"Log of exactly 0. {said}"
    assert found.remedies[0].verdict == "untried"
    assert found.remedies[-1].trial == {"why": "NaN"}


def test_a_void_trial_says_why_and_its_remedy_is_untried() -> None:
    found = with_trials(FINDING, {"clip-argument": Trial(untried="the control did not fail again")})

    assert found.remedies[1].verdict == "untried"
    assert found.remedies[1].trial == {"why": "the control did not fail again"}
    assert found.message == FINDING.message


def test_figures_are_in_the_order_in_which_they_are_read() -> None:
    trial = Trial({"loss_after": 1.0, "tried": "log(max(x, 1e-07))", "loss_before": float("inf")}, patch="--- a")

    remedy = with_trials(FINDING, {"clip-argument": trial}).remedies[0]

    assert list(remedy.trial) == ["tried", "loss_before", "loss_after"]
    assert remedy.patch == "--- a"


def test_notes_are_left_alone() -> None:
    note = Finding("ND115", "duplicate-rows", "note", "Duplicates", "3 rows.", remedies=FINDING.remedies)
    tool, subject = Tool("nandoctor", "0", None, None, "3.11"), ReportSubject("data", "x.csv")
    report = Report(tool, subject, Summary(1, 0, 1, "sick"), (FINDING, note))

    found = treated(report, lambda one: dict.fromkeys((remedy.id for remedy in one.remedies), Trial()))

    assert {one.verdict for one in found.findings[0].remedies} == {"verified"}
    assert found.findings[1] == note
