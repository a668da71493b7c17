"""What a user gets: the page that introduces it, and the files of the package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nandoctor import __version__
from nandoctor.cli.catalogue import readme_table
from nandoctor.rule import load_rules

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def help_of(name: str) -> str:
    """The help of a command in 80 columns, as a code block."""
    command = [sys.executable, "-c", "from nandoctor.cli.main import run; run()", name, "--help"]
    environment = {**os.environ, "COLUMNS": "80", "LC_ALL": "C.UTF-8"}
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return f"```text\n$ nandoctor {name} --help\n{text.strip()}\n```"


@pytest.mark.parametrize("part", ["help", "help of run", "help of check-data", "rules"])
def test_generated_parts_of_the_readme_are_up_to_date(request: pytest.FixtureRequest, part: str) -> None:
    wanted = {
        "help": lambda: help_of("scan"),
        "help of run": lambda: help_of("run"),
        "help of check-data": lambda: help_of("check-data"),
        "rules": lambda: readme_table(load_rules()),
    }[part]()
    begin, end = f"<!-- {part}: begin -->\n", f"\n<!-- {part}: end -->"
    before, rest = README.read_text(encoding="utf-8").split(begin)
    found, after = rest.split(end.strip())
    if request.config.getoption("--regenerate"):
        README.write_text(f"{before}{begin}{wanted}{end}{after}", encoding="utf-8")
        return

    assert found.split() == wanted.split(), "run `make golden` and look at the difference"


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert set(re.findall(r"make ([\w-]+)", README.read_text(encoding="utf-8"))) - {"sure"} <= targets


def test_ci_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert "make lint\nmake test\n" in script.read_text(encoding="utf-8")
    assert "run: .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


def test_the_package_is_typed_licensed_and_has_a_changelog() -> None:
    assert (ROOT / "nandoctor" / "py.typed").exists()
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_console_script_is_ours() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["scripts"] == {"nandoctor": "nandoctor.cli.main:run"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_dependencies_have_no_upper_bounds() -> None:
    """nandoctor lives in the user's training environment, whose versions it must not dictate."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert not [name for name in project["dependencies"] if "<" in name or "==" in name]
