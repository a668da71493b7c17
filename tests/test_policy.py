from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nandoctor import api
from nandoctor.finding import Finding, Location, Report
from nandoctor.policy import Policy


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A column that reaches 661.5 (a warning), and one that is constant (a note)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text("income,version\n" + "".join(f"{10.5 * row},3\n" for row in range(64)))
    return tmp_path / "d.csv"


def severities(report: Report) -> dict[str, str]:
    return {one.cause: one.severity for one in report.findings}


def test_without_settings_the_rules_are_as_they_come(table: Path) -> None:
    assert severities(api.check_data(table)) == {"unscaled-input": "warning", "constant-column": "note"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('ignore = ["constant-column"]', {"unscaled-input": "warning"}),
        ('ignore = ["ND1"]', {}),
        ('select = ["ND106"]', {"constant-column": "note"}),
        ("thresholds.unscaled-input.max_abs = 1000", {"constant-column": "note"}),
        ('severity.constant-column = "error"', {"unscaled-input": "warning", "constant-column": "error"}),
    ],
)
def test_a_project_says_which_rules_it_wants_and_how(table: Path, settings: str, expected: dict[str, str]) -> None:
    (table.parent / "nandoctor.toml").write_text(settings + "\n")

    assert severities(api.check_data(table)) == expected


def test_a_threshold_of_the_project_is_the_limit_that_is_printed(table: Path) -> None:
    (table.parent / "nandoctor.toml").write_text("thresholds.ND107.max_abs = 300\n")

    found = {one.cause: one for one in api.check_data(table).findings}

    assert found["unscaled-input"].limits["max_abs"] == 300


def test_a_rule_that_is_not_applied_is_listed_with_the_reason(table: Path) -> None:
    (table.parent / "nandoctor.toml").write_text('ignore = ["constant-column"]\n')

    skipped = {one.cause: one.reason for one in api.check_data(table).skipped}

    assert skipped["constant-column"] == "ignored by nandoctor.toml"


@pytest.mark.parametrize(
    ("file", "hidden"),
    [("legacy/old/train.py", True), ("src/legacy/train.py", False), ("train.py", False), (None, False)],
)
def test_rules_are_ignored_by_the_file_that_a_finding_is_about(tmp_path: Path, file: Any, hidden: bool) -> None:
    policy = Policy(ignored_by_path={"legacy/*": ("ND8",)}, root=tmp_path)
    where = Location(file=str(tmp_path / file)) if file else Location()

    assert policy.hides(Finding("ND801", "unguarded-log", "warning", "", "", location=where)) is hidden
    assert not policy.hides(Finding("ND201", "log-of-zero", "warning", "", "", location=where))
