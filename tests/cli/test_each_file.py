"""Data files, each checked by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nandoctor.cli.each_file import app

Checked = Callable[..., tuple[Any, str, str]]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Checked:
    """Runs the program on arguments in a folder with a sick and two healthy tables: exit code, output, errors."""
    for name, text in (("sick", "a,b\n1,2\n3,nan\n"), ("healthy", "a,b\n1,2\n3,4\n"), ("other", "c\n1\n2\n")):
        (tmp_path / f"{name}.csv").write_text(text)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[Any, str, str]:
        with pytest.raises(SystemExit) as left:
            app(arguments)
        told = capsys.readouterr()
        return left.value.code, told.out, told.err

    return run


def test_files_are_not_taken_for_the_parts_of_one_table(checked: Checked) -> None:
    code, out, _ = checked("healthy.csv", "other.csv")

    assert code == 0
    assert out.count("Verdict: healthy") == 2


@pytest.mark.parametrize(
    ("files", "highest"),
    [(("healthy.csv", "sick.csv"), 1), (("sick.csv", "healthy.csv"), 1), (("missing.csv", "sick.csv"), 3)],
)
def test_the_highest_exit_code_is_that_of_all(checked: Checked, files: tuple[str, ...], highest: int) -> None:
    assert checked(*files)[0] == highest


def test_the_options_hold_for_each(checked: Checked) -> None:
    assert checked("--exclude", "b", "sick.csv", "healthy.csv")[0] == 0


@pytest.mark.parametrize(
    "option", [["-o", "report.json"], ["--scaler", "s.json"], ["--baseline", "known.json"], ["--split", "a=sick.csv"]]
)
def test_what_one_report_alone_can_have_is_refused(checked: Checked, tmp_path: Path, option: list[str]) -> None:
    code, out, err = checked("healthy.csv", *option)

    assert (code, out) == (2, "")
    assert "leave it out" in err
    assert len(list(tmp_path.iterdir())) == 3


def test_tensorflow_is_not_loaded(checked: Checked) -> None:
    loaded = "tensorflow" in sys.modules

    checked("healthy.csv")

    assert ("tensorflow" in sys.modules) == loaded
