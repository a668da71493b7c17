"""Training scripts, watched one after the other in this process, or in one of their own where they need it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nandoctor import api
from nandoctor.probes.watch.script import Program, as_before
from nandoctor.probes.watch.start import Wanted
from nandoctor.reports.formats import ReportFormat, render

NANDOCTOR = "from nandoctor.cli.main import run; run()"


@dataclass(frozen=True)
class Ran:
    """What is left of a watched script: the report as JSON reads it, what the script raised, what was printed.

    `replayed` is the report on its capsule, with the remedies tried; None where none was written.
    """

    report: dict[str, Any]
    raised: str | None
    printed: str
    replayed: dict[str, Any] | None


Watching = Callable[[Path, bool], Ran]


@pytest.fixture
def fresh() -> Iterator[None]:
    """Keras as a script finds it that has just imported it."""
    import keras

    keras.utils.clear_session()
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def watched(
    fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Watching:
    """Runs a script under the watch, with `own` in a process of its own."""

    def watch(script: Path, own: bool) -> Ran:
        if own:
            return _in_own_process(script, tmp_path)
        monkeypatch.chdir(tmp_path)
        with as_before():
            outcome = api.run(Program(str(script)), Wanted())
        assert outcome.report is not None
        report = json.loads(render(outcome.report, ReportFormat.JSON))
        raised = None if outcome.error is None or outcome.stopped else type(outcome.error).__name__
        return Ran(report, raised, f"{capfd.readouterr().err}{outcome.told}", _replayed(tmp_path))

    return watch


def _in_own_process(script: Path, folder: Path) -> Ran:
    command = [sys.executable, "-c", NANDOCTOR, "run", "--output", "report.json", str(script)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert (folder / "report.json").exists(), done.stderr
    return Ran(json.loads((folder / "report.json").read_text()), None, done.stderr, _replayed(folder))


def _replayed(folder: Path) -> dict[str, Any] | None:
    capsules = list((folder / ".nandoctor").glob("*"))
    if not capsules:
        return None
    (capsule,) = capsules
    report: dict[str, Any] = json.loads(render(api.replay(capsule, treat=True), ReportFormat.JSON))
    return report
