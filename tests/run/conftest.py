"""Training scripts, watched one after the other in this process, or in one of their own where they need it."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from nandoctor import api
from nandoctor.diagnosis.diagnose import diagnose
from nandoctor.diagnosis.judging import Training
from nandoctor.diagnosis.retraining import retrained
from nandoctor.facts import Facts
from nandoctor.facts.store import parse_facts
from nandoctor.finding import Finding
from nandoctor.probes.trials import attempt as attempts
from nandoctor.probes.trials.attempt import Attempt
from nandoctor.probes.watch.script import Program, as_before
from nandoctor.probes.watch.wanted import Wanted
from nandoctor.reports.formats import ReportFormat, render

NANDOCTOR = "from nandoctor.cli.main import run; run()"


@dataclass(frozen=True)
class Ran:
    """What is left of a watched script: the report as JSON reads it, what the script raised, what was printed.

    `replayed` is the report on its capsule, with the remedies tried; None where none was written. `facts` are what was
    observed.
    """

    report: dict[str, Any]
    raised: str | None
    printed: str
    replayed: dict[str, Any] | None
    facts: Facts


Watching = Callable[[Path, bool], Ran]


@pytest.fixture
def fresh() -> Iterator[None]:
    """Keras as a script finds it that has just imported it."""
    import keras

    _as_imported()
    yield
    keras.config.set_dtype_policy("float32")


def _as_imported() -> None:
    import keras

    keras.utils.clear_session()
    keras.config.set_dtype_policy("float32")
    # Clearing it has looked at every object; what TensorFlow keeps of itself and of each graph is not looked at again.
    gc.freeze()


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
            outcome = api.run(Program(str(script)), Wanted(), save_facts=tmp_path / "facts.json")
        assert outcome.report is not None
        report = json.loads(render(outcome.report, ReportFormat.JSON))
        raised = None if outcome.error is None or outcome.stopped else type(outcome.error).__name__
        printed = f"{capfd.readouterr().err}{outcome.told}"
        return Ran(report, raised, printed, _replayed(tmp_path), _facts(tmp_path))

    return watch


def _in_own_process(script: Path, folder: Path) -> Ran:
    command = [
        sys.executable,
        "-c",
        NANDOCTOR,
        "run",
        "--output",
        "report.json",
        "--save-facts",
        "facts.json",
        str(script),
    ]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert (folder / "report.json").exists(), done.stderr
    report = json.loads((folder / "report.json").read_text())
    return Ran(report, None, done.stderr, _replayed(folder), _facts(folder))


def _facts(folder: Path) -> Facts:
    return parse_facts((folder / "facts.json").read_text())


def _replayed(folder: Path) -> dict[str, Any] | None:
    capsules = list((folder / ".nandoctor").glob("*"))
    if not capsules:
        return None
    (capsule,) = capsules
    report: dict[str, Any] = json.loads(render(api.replay(capsule, treat=True), ReportFormat.JSON))
    return report


@dataclass
class Treated:
    """A finding whose remedies were tried, and the texts of the script that ran to its end without a fault."""

    finding: Finding
    cured: list[str]


Treating = Callable[[Path, Ran], Treated]


@pytest.fixture
def treated(
    fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Treating:
    """Tries the remedies for a script that was watched, in this process; the watched run stands for the control.

    What is tried runs to the script's own end, not only to the step that the verdict asks for.
    """

    def treat(script: Path, ran: Ran) -> Treated:
        monkeypatch.chdir(tmp_path)
        cured: list[str] = []

        def run(attempt: Attempt, _seconds: float) -> attempts.Ran:
            if not attempt.texts and attempt.setting is None:
                return attempts.Ran(ran.facts, ran.raised, 0.0)
            _as_imported()
            with as_before():
                tried = attempts.run_here(replace(attempt, most_steps=None))
            whole = tried.facts is not None and tried.facts.run is not None and tried.facts.run.trip is None
            if whole and tried.raised is None:
                cured.extend(attempt.texts.values())
            return tried

        assert ran.facts.run is not None
        training = Training(Program(str(script)), script, ran.facts.run, tmp_path, raised=ran.raised)
        report = retrained(diagnose(ran.facts), training, run)
        capfd.readouterr()
        return Treated(report.findings[0], cured)

    return treat
