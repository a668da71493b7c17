"""A workflow's runner, as far as it concerns an action of shell steps: its environment, its files, its expressions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"]}
# As the runner starts `shell: bash`.
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]


def bare_environment(home: Path) -> dict[str, str]:
    """PATH with this Python's programs, and HOME; PYTHONPATH only where the tests themselves need it."""
    programs = Path(sys.executable).parent
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {"PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home), **kept}


@dataclass(frozen=True)
class Job:
    """What the steps of the action left: the log, what they gave, the summary, and how the last of them ended."""

    code: int
    log: str
    outputs: Mapping[str, str]
    summary: str


Action = Callable[..., Job]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "work space"
    folder.mkdir()
    return folder


@pytest.fixture
def action(tmp_path: Path, workspace: Path) -> Action:
    """Runs the action's own steps but for the installation, with `working_directory="..."` and so on as inputs."""

    def run(**given: str) -> Job:
        defaults = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
        inputs = {**defaults, **{name.replace("_", "-"): value for name, value in given.items()}}
        for name in ("home", "temp"):
            (tmp_path / name).mkdir(exist_ok=True)
        files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        environment = {
            **bare_environment(tmp_path / "home"),
            **{name: str(path) for name, path in files.items()},
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": str(tmp_path / "temp"),
        }
        log, code, outputs = "", 0, {}
        for name in ("Examine", "Conclude"):
            step = STEPS[name]
            values = {f"inputs.{key}": value for key, value in inputs.items()}
            values |= {f"steps.examine.outputs.{key}": value for key, value in outputs.items()}
            done = subprocess.run(
                [*BASH, "-c", step["run"]],
                cwd=workspace / evaluated(step.get("working-directory", "."), values),
                env={**environment, **{key: evaluated(text, values) for key, text in step.get("env", {}).items()}},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            log, code = log + done.stdout + done.stderr, done.returncode
            if name == "Examine":
                assert code == 0, log
                lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
                outputs = dict(line.split("=", 1) for line in lines)
        return Job(code, log, outputs, files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8"))

    return run


def evaluated(text: str, values: Mapping[str, str]) -> str:
    """The text with its `${{ name }}` replaced."""
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda match: values[match[1]], text)


@pytest.fixture
def bash(tmp_path: Path, workspace: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the text of a script in the workspace, in a bare environment with some more variables."""

    def run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "home").mkdir(exist_ok=True)
        environment = {**bare_environment(tmp_path / "home"), **variables}
        options: dict[str, Any] = {"cwd": workspace, "env": environment, "stdin": subprocess.DEVNULL}
        return subprocess.run(
            [*BASH, "-c", script], **options, capture_output=True, text=True, timeout=300, check=False
        )

    return run
