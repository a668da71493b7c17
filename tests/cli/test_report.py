"""`nandoctor report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nandoctor.facts import Facts, History, OptimizerFacts, RunFacts, TripFacts
from nandoctor.facts.store import save_facts
from nandoctor.finding import Tool

Command = Any


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "houses.csv"
    path.write_text("area,price\n" + "".join(f"{area},{3 * area}\n" for area in range(40, 90)) + "nan,1\n")
    return path


def test_the_report_on_kept_facts_is_that_of_the_examination(nandoctor: Command, table: Path, tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    first = nandoctor("check-data", table, "--save-facts", facts, "--format", "json", "--quiet")

    again = nandoctor("report", facts, "--format", "json")

    assert json.loads(first.out)["findings"][0]["cause"] == "nan-in-data"
    assert (again.code, again.out) == (1, first.out)


def test_other_settings_and_another_format_take_no_second_look_at_the_data(
    nandoctor: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = tmp_path / "facts.json"
    nandoctor("check-data", table, "--save-facts", facts)
    table.unlink()
    (tmp_path / "nandoctor.toml").write_text('ignore = ["nan-in-data"]\n')
    monkeypatch.chdir(tmp_path)

    outcome = nandoctor("report", facts, "-o", tmp_path / "report.sarif")

    assert outcome.code == 0
    assert "ND101" not in (tmp_path / "report.sarif").read_text()


def test_a_run_keeps_its_trip_and_its_record(nandoctor: Command, tmp_path: Path) -> None:
    history = History(0, (1.0, 30.0, 900.0), (0.1, 0.1, 0.1))
    run = RunFacts("train.py", 4, (OptimizerFacts("SGD", 4, history=history),), TripFacts("loss", 3, bad=("mse",)))
    save_facts(Facts(Tool("nandoctor", "1", "2.21.0", "3.15.1", "3.11"), run=run), tmp_path / "facts.json")

    told = json.loads(nandoctor("report", tmp_path / "facts.json", "--format", "json").out)

    assert told["subject"] == {"kind": "script", "path": "train.py"}
    assert told["run"]["trip"]["step"] == 3
    assert [one["loss"] for one in told["run"]["recorded"]] == [1.0, 30.0, 900.0]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"{}", "these are not nandoctor facts"),
        (b"\xff\xfe", "these are not nandoctor facts: it is no UTF-8 text"),
    ],
)
def test_what_holds_no_facts_is_one_line_and_exit_code_3(
    nandoctor: Command, tmp_path: Path, content: bytes | None, wrong: str
) -> None:
    path = tmp_path / "facts.json"
    if content is not None:
        path.write_bytes(content)

    outcome = nandoctor("report", path)

    assert (outcome.code, outcome.out) == (3, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith(f"nandoctor: {path}: {wrong}")


def test_the_facts_are_not_overwritten_by_their_report(nandoctor: Command, table: Path, tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    nandoctor("check-data", table, "--save-facts", facts)

    outcome = nandoctor("report", facts, "-o", facts)

    assert outcome.code == 2
    assert "this is an input" in outcome.err
