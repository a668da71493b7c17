"""The hooks for pre-commit, run by pre-commit itself in a repository, as far as that needs no new environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from nandoctor import __version__
from nandoctor.probes.data.stream.files import KNOWN

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS: list[dict[str, Any]] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
SICK = "age,income\n31,1200\n42,nan\n27,1850\n"
HEALTHY = "height,width\n31,12\n42,19\n27,18\n"
LOSS = """\
import tensorflow as tf


def loss(y_true, logits):
    return -tf.reduce_sum(y_true * tf.math.log(tf.nn.softmax(logits)), axis=-1)
"""
Committing = Callable[..., "subprocess.CompletedProcess[str]"]


def pre_commit(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pre_commit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)


@pytest.fixture
def committing(tmp_path: Path) -> Committing:
    """Runs one of the hooks on a repository with these files, in this environment instead of one of its own."""

    def run(hook: str, files: dict[str, str], **changed: Any) -> subprocess.CompletedProcess[str]:
        (declared,) = (one for one in HOOKS if one["id"] == hook)
        repository = tmp_path / "repository"
        repository.mkdir()
        for name, text in files.items():
            (repository / name).write_text(text)
        local = {"repo": "local", "hooks": [{**declared, "language": "system", **changed}]}
        (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [local]}))
        for command in (["init", "--quiet"], ["add", "."]):
            subprocess.run(["git", *command], cwd=repository, check=True)
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": programs, "PRE_COMMIT_HOME": str(tmp_path / "kept")}
        return pre_commit("run", "--all-files", "--color=never", cwd=repository, env=environment)

    return run


def test_the_manifest_is_one() -> None:
    done = pre_commit("validate-manifest", str(MANIFEST))

    assert done.returncode == 0, done.stdout


def test_each_data_file_is_a_data_set_of_its_own(committing: Committing) -> None:
    done = committing("nandoctor-check-data", {"a.csv": SICK, "b b.csv": HEALTHY, "c.csv": SICK, "d.txt": "no data"})

    assert done.returncode == 1
    assert "- exit code: 1" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith(("nandoctor 0", "Verdict"))] == [
        f"nandoctor {__version__}: a.csv (data)",
        "Verdict: sick (1 error)",
        f"nandoctor {__version__}: b b.csv (data)",
        "Verdict: healthy (no findings)",
        f"nandoctor {__version__}: c.csv (data)",
        "Verdict: sick (1 error)",
    ]


def test_healthy_data_passes(committing: Committing) -> None:
    done = committing("nandoctor-check-data", {"a.csv": HEALTHY, "b.csv": HEALTHY.replace("width", "depth")})

    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout


def test_the_hook_takes_the_options_of_check_data(committing: Committing) -> None:
    done = committing("nandoctor-check-data", {"a.csv": SICK}, args=["--exclude", "income", "--fail-on", "warning"])

    assert done.returncode == 0, done.stdout


def test_a_file_that_cannot_be_examined_does_not_keep_the_others_from_being_looked_at(committing: Committing) -> None:
    done = committing("nandoctor-check-data", {"a.csv": "", "b.csv": SICK})

    assert "a.csv: the file is empty" in done.stdout
    assert f"nandoctor {__version__}: b.csv (data)" in done.stdout
    assert "- exit code: 3" in done.stdout


@pytest.mark.parametrize(("text", "code"), [(LOSS, 1), (LOSS.replace("tf.math.log(tf.nn.", "(tf.nn.log_"), 0)])
def test_source_is_looked_at(committing: Committing, text: str, code: int) -> None:
    done = committing("nandoctor-lint", {"losses.py": text, "other.py": "x = 1\n"})

    assert done.returncode == code, done.stdout
    assert ("ND801" in done.stdout) == bool(code)


def test_the_data_files_of_the_hook_are_those_that_can_be_read() -> None:
    (pattern,) = (hook["files"] for hook in HOOKS if "files" in hook)
    plain, packed = KNOWN.split(" (also .gz, .zst), ")
    for suffix in [*plain.split(", "), *packed.split(", ")]:
        assert re.search(pattern, f"data{suffix}"), suffix
    for suffix in plain.split(", "):
        assert re.search(pattern, f"data{suffix}.gz"), suffix
    for name in ("train.py", "data.csv.zip", "model.keras", "settings.json"):
        assert not re.search(pattern, name)
