from __future__ import annotations

import itertools
from typing import Any

import pytest

from nandoctor.diagnosis.ranking import ranked
from nandoctor.finding import Summary


def order(findings: Any) -> list[str]:
    return [one.cause for one in ranked(findings)]


def test_errors_before_warnings_before_notes(finding: Any) -> None:
    findings = [finding("a", None, "note"), finding("b", None, "error"), finding("c", None, "warning")]

    assert order(findings) == ["b", "c", "a"]


def test_in_the_order_of_causes(finding: Any) -> None:
    findings = [
        finding("hidden-nonfinite", "output:y", rule="ND219"),
        finding("learning-rate-too-high", "loss:0", rule="ND401"),
        finding("exp-overflow", 1, rule="ND204"),
        finding("loss-activation-mismatch", "head:y", rule="ND501"),
        finding("nonfinite-weights", "variable:k", rule="ND218"),
        finding("nan-in-data", "input:x", rule="ND101"),
    ]

    assert order(findings) == [
        "nan-in-data", "loss-activation-mismatch", "exp-overflow", "nonfinite-weights", "learning-rate-too-high",
        "hidden-nonfinite",
    ]  # fmt: skip


def test_origins_in_the_order_in_which_they_ran(finding: Any) -> None:
    assert order([finding("a", 10, rule="ND201"), finding("b", 2, rule="ND208")]) == ["b", "a"]


def test_the_surer_first(finding: Any) -> None:
    assert order([finding("a", "layer:a", confidence="low"), finding("b", "layer:b")]) == ["b", "a"]


def test_the_order_does_not_depend_on_the_order_of_the_rules(finding: Any) -> None:
    findings = [
        finding(str(n), f"layer:{n}", severity) for n, severity in enumerate(["error", "note", "error", "warning"])
    ]

    assert len({tuple(order(some)) for some in itertools.permutations(findings)}) == 1


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        (["error", "note", "error"], Summary(2, 0, 1, "sick")),
        (["warning", "note"], Summary(0, 1, 1, "at-risk")),
        (["note"], Summary(0, 0, 1, "healthy")),
        ([], Summary(0, 0, 0, "healthy")),
    ],
)
def test_the_verdict(finding: Any, severities: list[Any], expected: Summary) -> None:
    assert Summary.of([finding("a", None, severity) for severity in severities]) == expected
