from __future__ import annotations

import re
from dataclasses import replace

import pytest

from nandoctor.finding import (
    ColumnPrescription,
    Finding,
    LayerRow,
    Location,
    Remedy,
    Report,
    ReportSubject,
    Summary,
    Tool,
)
from nandoctor.reports.table import render

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [60, 61, 79, 80, 99, 109, 110, 111, 129, 130, 131, 160, 200])
@pytest.mark.parametrize("detail", ["brief", "normal", "verbose"])
def test_no_line_is_wider_than_the_terminal(report: Report, width: int, detail: str) -> None:
    long = Finding(
        rule="ND209",
        cause="softmax-of-all-minus-inf-and-then-some-more",
        severity="warning",
        title="Long names",
        message="A message with " + "a_name/that/goes_on/" * 12 + " and an end",
        location=Location(layer="block/" * 30, op="x" * 150, op_type="Conv2DBackpropFilter", phase="backward"),
        remedies=(Remedy("a", "A remedy " * 30),),
    )
    wide = LayerRow(
        "encoder/" * 12,
        "Conv2DBackpropFilterWithBias",
        "bfloat16",
        -1.234e-38,
        1.234e30,
        1234567,
        1.0,
        0.1234,
        -10.0,
        1e-30,
        1.234e-7,
    )
    # A patch is code to be copied, and stays as it is.
    bare = tuple(replace(finding, remedies=()) for finding in report.findings)
    report = replace(report, findings=(long, *bare, long), layers=(*report.layers, wide))

    lines = render(report, width=width, detail=detail).splitlines()  # type: ignore[arg-type]

    assert max(map(len, lines)) <= width


def test_the_root_cause_comes_first_and_its_consequence_is_folded_under_it(sick_report: Report) -> None:
    text = render(sick_report, width=120)

    assert text.index("log-of-zero") < text.index("-> zero-times-inf") < text.index("unscaled-input")
    assert re.search(r"^1 .* log-of-zero", text, re.MULTILINE)
    assert re.search(r"^1\.1 .* -> zero-times-inf", text, re.MULTILINE)


def test_it_says_where(sick_report: Report) -> None:
    text = render(sick_report, width=200)

    for part in ("layer classifier/surprise", "op classifier/surprise/Log (Log)", "forward pass", "train.py:41"):
        assert part in text
    assert "batch 1, rows 3, 17" in text
    assert "data rows 35, 49" in text
    assert "column income" in text


def test_it_says_what_to_do_and_whether_that_was_tried(sick_report: Report) -> None:
    text = render(sick_report, width=120)

    told = " ".join(text.split())
    assert "1. Compute the loss from the logits instead of probabilities [verified: LogSoftmax of the logits; " in told
    assert "loss Inf -> 0.6931, gradients and updated weights finite; 30 of 30 good rows unchanged" in told
    assert "CategoricalCrossentropy(from_logits=True)" in text
    assert "[not tried]" in text


def test_less_certain_findings_say_so(sick_report: Report) -> None:
    text = render(sick_report, width=200)

    assert text.count("confidence:") == 1
    assert "(confidence: medium)" in text


def test_brief_leaves_out_all_but_the_findings(sick_report: Report) -> None:
    brief = render(sick_report, detail="brief")

    assert "log-of-zero" in brief
    for extra in ("What to do", "Please note", "check_numerics", "Layers", "could not be applied"):
        assert extra not in brief


def test_layers_and_skipped_rules_are_shown_on_demand(sick_report: Report) -> None:
    assert "Layers:" not in render(sick_report)
    assert "1 rule could not be applied" in render(sick_report)

    verbose = render(sick_report, detail="verbose", width=140)

    assert "classifier/dense" in verbose
    assert "2^118.3" in verbose
    assert "no labels were given" in verbose
    assert "64 rows of data.npz" in verbose


def test_a_clean_bill_of_health_says_what_was_checked_and_the_nearest_limit(healthy_report: Report) -> None:
    text = render(healthy_report)

    assert "Verdict: healthy (1 note)" in text
    assert "No error and no warning. What was checked:" in text
    assert "256 rows of houses.csv" in text
    assert "nearest limit: layer classifier/dense reaches 812.4, 2^118 below the largest float32" in text
    assert "1. ND115 duplicate-rows" in text
    assert "What to do" not in text


def test_at_risk_is_no_clean_bill(sick_report: Report) -> None:
    at_risk = replace(sick_report, findings=sick_report.findings[1:], summary=Summary(0, 1, 1, "at-risk"))

    text = render(at_risk)

    assert "Verdict: at-risk (1 warning, 1 note)" in text
    assert "No error and no warning" not in text


def test_colour_only_when_asked_for_and_without_effect_on_the_text(sick_report: Report) -> None:
    plain, coloured = render(sick_report), render(sick_report, colour=True)

    assert "\x1b" not in plain
    assert "\x1b[31m" in coloured
    assert ANSI.sub("", coloured) == plain


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"ran": True, "tripped": True, "message": "Log produced -Inf"}, "it stopped. Log produced -Inf"),
        ({"ran": True, "tripped": True, "sees_inside": False, "message": "NaN"}, "function). NaN"),
        ({"ran": True, "tripped": False, "sees_inside": False}, "silent (it cannot see inside a restored function)."),
        ({"ran": True, "tripped": False, "sees_inside": True}, "check_numerics: silent."),
        ({"ran": False, "message": "left out"}, "check_numerics: not run. left out"),
    ],
)
def test_what_check_numerics_said(sick_report: Report, said: dict[str, object], told: str) -> None:
    assert told in render(replace(sick_report, check_numerics=said))


def test_columns_that_need_the_same_share_a_line() -> None:
    needs = tuple(ColumnPrescription("table", f"c{place}", ("impute", "standardize"), "because") for place in range(12))
    report = Report(
        Tool("nandoctor", "0.1.0", None, None, "3.11.7"),
        ReportSubject("data", "d.csv"),
        Summary(0, 0, 0, "healthy"),
        (),
        prescription=needs,
    )

    shown = render(report)
    assert "What to do with the columns before they are fed:" in shown
    assert "impute, then standardize" in shown
    assert "(12 in all)" in shown
    assert "c11" in render(report, detail="verbose")
    assert "impute" not in render(report, detail="brief")
