from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.finding import Report

Command = Any
Examination = Any


@pytest.mark.parametrize(
    ("health", "codes"),
    [
        ("sick", {"error": 1, "warning": 1, "never": 0}),
        ("at_risk", {"error": 0, "warning": 1, "never": 0}),
        ("healthy", {"error": 0, "warning": 0, "never": 0}),
    ],
)
def test_the_exit_code_follows_fail_on(
    request: pytest.FixtureRequest, nandoctor: Command, examination: Examination, health: str, codes: dict[str, int]
) -> None:
    examination.report = request.getfixturevalue(health)

    for fail_on, code in codes.items():
        assert nandoctor("scan", "model", "data.npz", "--fail-on", fail_on).code == code


def test_the_table_goes_to_standard_output_and_nothing_to_standard_error(
    nandoctor: Command, examination: Examination
) -> None:
    outcome = nandoctor("scan", "model", "data.npz")

    assert "log-of-zero" in outcome.out
    assert "\x1b" not in outcome.out
    assert outcome.err == ""


def test_the_options_reach_the_examination(nandoctor: Command, examination: Examination, tmp_path: Path) -> None:
    nandoctor(
        *("scan", "model", "data.csv", "--labels", "price", "--loss", "mean_squared_error", "--signature", "serve"),
        *("--batch-size", 4, "--max-batches", 2, "--no-backward", "--no-check-numerics", "--unsafe", "--treat"),
        *("--save-facts", tmp_path / "facts.json", "--tensorboard", tmp_path / "logs"),
    )

    assert examination.asked == {
        "model": Path("model"),
        "data": Path("data.csv"),
        "labels": "price",
        "loss": "mean_squared_error",
        "signature": "serve",
        "batch_size": 4,
        "max_batches": 2,
        "backward": False,
        "check_numerics": False,
        "unsafe": True,
        "treat": True,
        "save_facts": tmp_path / "facts.json",
        "tensorboard": tmp_path / "logs",
        "notices": (),
        "progress": None,
    }


def test_the_defaults(nandoctor: Command, examination: Examination) -> None:
    nandoctor("scan", "model", "data.npz")

    asked = examination.asked
    assert (asked["batch_size"], asked["max_batches"], asked["backward"]) == (32, 8, True)
    assert (asked["check_numerics"], asked["unsafe"], asked["labels"], asked["loss"]) == (True, False, None, None)


@pytest.mark.parametrize(("name", "parse"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_standard_output_can_be_read_by_programs(
    nandoctor: Command, examination: Examination, name: str, parse: Any
) -> None:
    examination.instead = lambda: print("the model's own code prints this")

    outcome = nandoctor("scan", "model", "data.npz", "--format", name)

    assert parse(outcome.out)["findings"][0]["cause"] == "log-of-zero"
    assert "the model's own code prints this" in outcome.err


def test_files_take_their_format_from_their_suffix(
    nandoctor: Command, examination: Examination, tmp_path: Path
) -> None:
    files = [tmp_path / "report.json", tmp_path / "report.yml", tmp_path / "report.txt"]

    outcome = nandoctor("scan", "model", "data.npz", *(part for file in files for part in ("-o", file)))

    assert json.loads(files[0].read_text()) == yaml.safe_load(files[1].read_text())
    assert files[2].read_text() == outcome.out
    assert sorted(tmp_path.iterdir()) == sorted(files)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("report.pdf", "the suffix names no report format"),
        ("nowhere/report.json", "No such file or directory"),
        ("folder.json", "this is a folder"),
        ("data.json", "this is an input"),
        ("data.json/report.json", "Not a directory"),
    ],
)
def test_an_impossible_output_is_refused_before_any_work(
    nandoctor: Command, examination: Examination, tmp_path: Path, file: str, told: str
) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "data.json").write_text("the data")

    outcome = nandoctor("scan", tmp_path, tmp_path / "data.json", "-o", tmp_path / file)

    assert outcome.code == 2
    assert told in outcome.err
    assert outcome.err.startswith("nandoctor: ")
    assert outcome.err.count("\n") == 1
    assert outcome.out == ""
    assert examination.asked is None
    assert (tmp_path / "data.json").read_text() == "the data"


def test_an_impossible_facts_file_is_refused_before_any_work(
    nandoctor: Command, examination: Examination, tmp_path: Path
) -> None:
    outcome = nandoctor("scan", "model", "data.npz", "--save-facts", tmp_path / "nowhere" / "facts.json")

    assert outcome.code == 2
    assert examination.asked is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("--batch-size", "0"),
        ("--max-batches", "-1"),
        ("--batch-size", "many"),
        ("--format", "pdf"),
        ("--fail-on", "note"),
        ("--quiet", "--verbose"),
        ("--no-such-option",),
    ],
)
def test_wrong_usage(nandoctor: Command, examination: Examination, arguments: tuple[str, ...]) -> None:
    outcome = nandoctor("scan", "model", "data.npz", *arguments)

    assert outcome.code == 2
    assert outcome.err
    assert examination.asked is None


def test_quiet_prints_the_findings_alone(nandoctor: Command, examination: Examination) -> None:
    assert "There are no labels." in nandoctor("scan", "model", "data.npz").out

    quiet = nandoctor("scan", "model", "data.npz", "--quiet").out

    assert "log-of-zero" in quiet
    assert "There are no labels." not in quiet


def test_verbose_prints_what_was_examined(nandoctor: Command, examination: Examination) -> None:
    assert "64 rows" not in nandoctor("scan", "model", "data.npz").out
    assert "64 rows" in nandoctor("scan", "model", "data.npz", "--verbose").out


def test_the_table_fits_the_terminal(
    nandoctor: Command, examination: Examination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "64")

    lines = nandoctor("scan", "model", "data.npz", "--verbose").out.splitlines()

    assert max(map(len, lines)) <= 64


def test_what_cannot_be_examined_is_one_line(nandoctor: Command, examination: Examination, tmp_path: Path) -> None:
    def fail() -> None:
        raise NandoctorError("model: no saved_model.pb in this folder", UNEXAMINABLE)

    examination.instead = fail
    outcome = nandoctor("scan", "model", "data.npz", "-o", tmp_path / "report.json")

    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == "nandoctor: model: no saved_model.pb in this folder\n"
    assert list(tmp_path.iterdir()) == []


def test_traceback_shows_where_it_came_from(nandoctor: Command, examination: Examination) -> None:
    def fail() -> None:
        raise NandoctorError("not today", UNEXAMINABLE)

    examination.instead = fail
    outcome = nandoctor("--traceback", "scan", "model", "data.npz")

    assert outcome.code == 3
    assert "Traceback (most recent call last)" in outcome.err
    assert outcome.err.endswith("nandoctor: not today\n")


def test_our_own_mistakes_ask_to_be_reported(nandoctor: Command, examination: Examination) -> None:
    def fail() -> None:
        raise ZeroDivisionError("in two\nlines")

    examination.instead = fail
    outcome = nandoctor("scan", "model", "data.npz")

    assert outcome.code == 3
    assert re.fullmatch(
        r"nandoctor: internal error: ZeroDivisionError: in two lines \(.*--traceback.*\)\n", outcome.err
    )


def test_interrupted(nandoctor: Command, examination: Examination, tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    examination.instead = interrupt
    outcome = nandoctor("scan", "model", "data.npz", "-o", tmp_path / "report.json")

    assert (outcome.code, outcome.out) == (130, "")
    assert "Traceback" not in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_report_with_strange_names_reaches_a_plain_terminal(
    nandoctor: Command, examination: Examination, sick: Report, tmp_path: Path
) -> None:
    from dataclasses import replace

    examination.report = replace(sick, notices=("層 is a layer",))
    file = tmp_path / "report.json"

    nandoctor("scan", "model", "data.npz", "-o", file)

    assert "層" in file.read_text(encoding="utf-8")


def test_the_environment_is_left_as_it_was_for_the_streams(nandoctor: Command, examination: Examination) -> None:
    before = os.fstat(2)

    nandoctor("scan", "model", "data.npz")

    assert os.path.samestat(os.fstat(2), before)
