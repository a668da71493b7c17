"""The command line, run in this process."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from nandoctor.cli.main import run
from nandoctor.finding import Finding, Report, ReportSubject, Summary, Tool


@dataclass
class Outcome:
    """What a command left behind."""

    code: int | str | None
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def nandoctor(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs `nandoctor ARGUMENTS...`."""

    def command(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["nandoctor", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            run(own_process=False)
        captured = capfd.readouterr()
        return Outcome(left.value.code, captured.out, captured.err)

    return command


@pytest.fixture
def sick() -> Report:
    return Report(
        tool=Tool("nandoctor", "0.1.0", "2.21.0", "3.15.1", "3.11.7"),
        subject=ReportSubject("saved_model", "model"),
        summary=Summary(1, 0, 0, "sick"),
        findings=(Finding("ND201", "log-of-zero", "error", "Logarithm of zero", "Log of exactly 0."),),
        examined=("64 rows",),
        notices=("There are no labels.",),
    )


@pytest.fixture
def at_risk(sick: Report) -> Report:
    finding = Finding("ND105", "unscaled-input", "warning", "Unscaled input", "Inputs reach 1e5; limit 100.")
    return Report(sick.tool, sick.subject, Summary(0, 1, 0, "at-risk"), (finding,))


@pytest.fixture
def healthy(sick: Report) -> Report:
    return Report(sick.tool, sick.subject, Summary(0, 0, 0, "healthy"), (), examined=("64 rows",))


@dataclass
class Examination:
    """Stands in for the examination itself, which has tests of its own and takes seconds.

    It answers with `report`, or does what `instead` does; `asked` is what it was called with.
    """

    report: Report
    instead: Callable[[], None] = lambda: None
    asked: dict[str, Any] | None = None

    def scan(self, model: object, data: object, **options: object) -> Report:
        self.asked = {"model": model, "data": data, **options}
        self.instead()
        return self.report


@pytest.fixture
def examination(monkeypatch: pytest.MonkeyPatch, sick: Report) -> Examination:
    """The examination behind `nandoctor scan`, which finds the sick report."""
    examination = Examination(sick)
    api = types.ModuleType("nandoctor.api")
    api.scan = examination.scan  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nandoctor.api", api)
    return examination
