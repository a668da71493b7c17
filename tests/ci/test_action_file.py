"""action.yml as a file: valid, and without an input in the text of a command."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]


@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.github-actions", "action.yml"), ("vendor.github-workflows", ".github/workflows/ci.yml")],
)
def test_it_is_what_github_publishes_as_the_schema(schema: str, file: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(ROOT / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_command_holds_an_expression() -> None:
    commands = [step["run"] for step in STEPS if "run" in step]

    assert len(commands) == 3
    assert not [command for command in commands if "${{" in command]


def test_every_input_is_used_and_every_output_is_written() -> None:
    text = json.dumps(STEPS)
    written = {match for one in ACTION["outputs"].values() for match in re.findall(r"outputs\.([\w-]+)", one["value"])}

    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    assert written == set(ACTION["outputs"])


def test_the_exit_code_counts_after_the_upload() -> None:
    assert [step["name"] for step in STEPS[-3:]] == ["Examine", "Upload to code scanning", "Conclude"]


def test_the_step_installs_the_checkout_of_the_action_into_the_python_of_the_job(tmp_path: Path) -> None:
    """Its command is run with a `python` that writes down what it is called with, and where."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\npwd > "$HOME/called"\nfor one; do echo "$one" >> "$HOME/called"; done\n')
    python.chmod(0o755)
    (step,) = (one for one in STEPS if one["name"] == "Install nandoctor")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "GITHUB_ACTION_PATH": str(ROOT)}
    bash = shutil.which("bash")
    assert bash is not None

    subprocess.run([bash, "-e", "-c", step["run"]], env=environment, cwd=tmp_path, check=True)

    where, *arguments = (tmp_path / "called").read_text().splitlines()
    assert Path(where).resolve() == ROOT.resolve()
    assert arguments[:3] == ["-m", "pip", "install"]
    assert arguments[-1] == "."
