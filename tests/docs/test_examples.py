"""What the documentation and the README show is run: Python, settings, commands."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from markdown_it import MarkdownIt

from nandoctor.cli.main import app
from nandoctor.config import read_config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CUSTOMERS = "age,income,churned\n31,12,0\n42,19,1\n27,18,0\n54,15,1\n"


@dataclass(frozen=True)
class Block:
    """A block of code on a page; the language of one that is indented is empty."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type in ("fence", "code_block") and token.map:
            yield Block(page, token.map[0] + 1, token.info, token.content)


BLOCKS = [block for page in PAGES for block in blocks(page)]
SETTINGS = [block for block in BLOCKS if "[tool.nandoctor]" in block.text]
CONSOLE = [block for block in BLOCKS if block.language == "console"]
COMMANDS = [
    (str(block), line.split("  #")[0].strip())
    for block in BLOCKS
    for line in block.text.replace("\\\n", "").splitlines()
    if line.strip().removeprefix("$ ").startswith("nandoctor ") and ": " not in line
]


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TF_CPP_MIN_LOG_LEVEL": "3"}


@pytest.mark.tensorflow
def test_the_python_of_the_page_about_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = [block for block in blocks(ROOT / "docs" / "python.md") if block.language == "python"]
    scripts = [block for block in shown if "def test_" not in block.text]
    (tests,) = (block for block in shown if "def test_" in block.text)
    defined: dict[str, Any] = {}

    for block in scripts:
        exec(compile(block.text, str(block), "exec"), defined)
    (tmp_path / "test_shown.py").write_text(tests.text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shown.py"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300, check=False)

    assert len(scripts) == 5
    assert "error nan-in-data incomes.csv:3\n" in capsys.readouterr().out
    assert "2 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.tensorflow
def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras
    import numpy as np

    monkeypatch.chdir(tmp_path)
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    command = ["nandoctor", "check-data", "customers.csv", "--target", "churned", "--scaler", "scaler.json"]
    subprocess.run(command, env=environment(), check=True, capture_output=True, timeout=300)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    defined: dict[str, Any] = {"model": model, "x": np.ones((8, 2), "float32"), "y": np.ones(8, "float32")}

    shown = [block for block in blocks(ROOT / "README.md") if block.text.startswith("import ")]
    for block in shown:
        exec(compile(block.text, str(block), "exec"), defined)

    assert len(shown) >= 2
    assert "normalization" in defined


@pytest.mark.parametrize("block", SETTINGS, ids=str)
def test_settings_are_valid(block: Block, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(block.text)

    config = read_config(tmp_path)

    assert config.fail_on == "warning"
    assert config.policy.thresholds == {"ND107": {"max_abs": 1000}}


@pytest.mark.parametrize("block", CONSOLE, ids=str)
def test_commands_of_a_console_do_what_they_are_shown_for(block: Block, tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    commands = [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]

    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert commands
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("where", "command"), COMMANDS, ids=[f"{where} {one}" for where, one in COMMANDS])
def test_every_command_that_is_shown_is_one(where: str, command: str) -> None:
    words = shlex.split(command.removeprefix("$ "))[1:]
    known: Any = typer.main.get_command(app)
    while words and words[0] in getattr(known, "commands", {}):
        known = known.commands[words.pop(0)]

    # Wrong options and wrong values are refused here; `--help` leaves.
    if {"--help", "--install-completion"} & set(words):
        assert known.name in ("nandoctor", "scan", "run", "check-data"), where
    else:
        known.make_context(known.name, words).close()


def test_there_is_something_to_run() -> None:
    assert len(SETTINGS) == 2
    assert len(CONSOLE) == 3
    assert len(COMMANDS) > 20
