from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

Command = Any


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data with one warning, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text("income,age\n" + "".join(f"{10.5 * row},{row % 7}\n" for row in range(64)))
    return tmp_path


def test_the_settings_are_shown_with_their_file(nandoctor: Command, project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.nandoctor]\nfail-on = "warning"\n')

    outcome = nandoctor("config", "show")

    assert outcome.code == 0
    shown = [line.split() for line in outcome.out.splitlines()]
    assert ["fail-on", "warning", str(project / "pyproject.toml")] in shown
    assert ["thresholds.ND107.max_abs", "100", "default"] in shown


def test_the_settings_say_what_fails(nandoctor: Command, project: Path) -> None:
    assert nandoctor("check-data", "d.csv").code == 0
    (project / "nandoctor.toml").write_text('fail-on = "warning"\n')

    assert nandoctor("check-data", "d.csv").code == 1
    assert nandoctor("check-data", "d.csv", "--fail-on", "error").code == 0


@pytest.mark.parametrize("command", [("check-data", "d.csv"), ("run", "train.py"), ("config", "show")])
def test_a_wrong_key_is_told_before_anything_is_done(
    nandoctor: Command, project: Path, command: tuple[str, ...]
) -> None:
    (project / "train.py").write_text("open('ran', 'w')\n")
    (project / "nandoctor.toml").write_text("ingore = []\n")

    outcome = nandoctor(*command)

    assert outcome.code == 2
    assert "did you mean 'ignore'?" in outcome.err
    assert not (project / "ran").exists()


def test_a_baseline_is_made_and_then_hides_what_it_knows(nandoctor: Command, project: Path) -> None:
    arguments = ("check-data", "d.csv", "--fail-on", "warning", "--baseline", "known.json")

    first = nandoctor(*arguments)
    (project / "d.csv").write_text((project / "d.csv").read_text() + "1,?\n")
    second = nandoctor(*arguments)

    assert (first.code, second.code) == (0, 1)
    assert "1 finding known from known.json is not shown" in first.out
    assert "non-numeric-data" in second.out
    assert "1 finding known from known.json is not shown" in second.out
