"""`nandoctor run` as a person meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nandoctor.probes.watch.start import is_watched

NANDOCTOR = "from nandoctor.cli.main import run; run()"
FIT = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
print("loaded before the script:", sorted({"numpy", "tensorflow", "keras", "pandas"} & set(sys.modules)))
import atexit
atexit.register(lambda: print("at exit"))
import numpy as np
import keras

keras.utils.set_random_seed(3)
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu", name="hidden"), keras.layers.Dense(1)])
model.compile("sgd", "mse")
x = np.random.default_rng(0).normal(size=(320, 8)).astype("float32")
y = np.abs(x[:, :1])
if "sick" in sys.argv:
    x[231, 2] = np.nan
try:
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
finally:
    print("finally", len(os.listdir(".")))
os.chdir("/")
print("weights", float(sum(np.abs(value).sum() for value in model.get_weights())))
if "failing" in sys.argv:
    model.fit(x[:, :3], y, verbose=0)
sys.exit(4 if "four" in sys.argv else 0)
"""


@dataclass
class Outcome:
    code: int
    out: str
    err: str


def run(folder: Path, *arguments: str, program: tuple[str, ...] = ("-c", NANDOCTOR, "run")) -> Outcome:
    command = [sys.executable, *program, *arguments]
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(FIT)
    (tmp_path / "plain.py").write_text("import sys\nprint(sys.argv[1:])\nsys.exit(5 if 'five' in sys.argv else 0)\n")
    return tmp_path


def test_a_script_without_training_is_run_and_told(folder: Path) -> None:
    outcome = run(folder, "plain.py", "--help", "-o", "x.json", "five")

    assert outcome.code == 5
    assert outcome.out == "['--help', '-o', 'x.json', 'five']\n"
    assert outcome.err == "nandoctor: nothing was watched: the script did not import TensorFlow\n"
    assert sorted(path.name for path in folder.iterdir()) == ["plain.py", "train.py"]


def test_a_script_that_is_no_python_ends_as_under_python(folder: Path) -> None:
    (folder / "broken.py").write_text("print('before')\ndef train(:\n    pass\n")

    outcome = run(folder, "broken.py")

    plain = run(folder, "broken.py", program=())
    assert plain.err.endswith("SyntaxError: invalid syntax\n")
    assert (outcome.code, outcome.out, outcome.err) == (1, "", plain.err)


def test_json_was_asked_for_and_is_there(folder: Path) -> None:
    outcome = run(folder, "--format", "json", "-o", "report.yaml", "plain.py")

    script, _, report = outcome.out.partition("\n")
    assert (outcome.code, script) == (0, "[]")
    assert json.loads(report)["subject"] == {"kind": "script", "path": "plain.py"}
    assert json.loads(report)["summary"]["verdict"] == "healthy"
    assert "kind: script" in (folder / "report.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("no.py",), "no.py: there is no such script"),
        (("-m", "no.such"), "there is no module named no.such"),
        (("-o", "no/report.json", "plain.py"), "cannot write the output"),
        (("-o", "plain.py", "plain.py"), "names no report format"),
        (("--check-up", "often", "plain.py"), "give auto, off, or every how many steps"),
        (("--quiet", "--verbose", "plain.py"), "exclude each other"),
    ],
)
def test_wrong_usage_runs_nothing(
    folder: Path, arguments: tuple[str, ...], told: str, nandoctor: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    outcome = nandoctor("run", *arguments)

    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err
    assert outcome.err.count("\n") == 1
    assert not is_watched()


def test_a_report_that_cannot_be_made_is_no_fault_of_the_script(folder: Path) -> None:
    broken = "import nandoctor.diagnosis.diagnose as d; d.diagnose = lambda *_: 1 / 0"
    (folder / "plain.py").write_text(f"{broken}\nimport sys\nsys.exit(5 if 'five' in sys.argv else 0)")

    outcomes = [run(folder, "plain.py", *arguments) for arguments in ((), ("five",))]

    assert [outcome.code for outcome in outcomes] == [0, 5]
    assert all("internal error: ZeroDivisionError" in outcome.err for outcome in outcomes)


@pytest.mark.tensorflow
def test_the_report_begins_on_a_line_of_its_own_below_a_progress_bar(folder: Path) -> None:
    (folder / "train.py").write_text(FIT.replace("verbose=0", "verbose=1"))

    outcome = run(folder, "train.py", "sick")

    assert "loss" in outcome.out
    assert "\nnandoctor 0" in outcome.out


@pytest.mark.tensorflow
def test_a_sick_training_is_stopped_reported_and_kept(folder: Path) -> None:
    outcome = run(folder, "--format", "json", "-o", "report.txt", "train.py", "sick")

    loaded, last, report = outcome.out.split("\n", 2)
    report, _, at_exit = report.rpartition("at exit")
    found = json.loads(report)
    location = found["findings"][0]["location"]
    (capsule,) = (folder / ".nandoctor").iterdir()
    assert outcome.code == 1
    assert loaded == "loaded before the script: []"
    assert (last.split()[0], at_exit) == ("finally", "\n")
    assert found["subject"] == {"kind": "script", "path": "train.py"}
    assert found["summary"]["verdict"] == "sick"
    assert (location["step"], location["epoch"], location["batch"]) == (7, 0, 7)
    assert (folder / "report.txt").read_text().startswith("nandoctor ")
    assert capsule.name.endswith("-step-7")
    assert any(str(capsule) in notice for notice in found["notices"])
    assert "nandoctor: 7 steps of training watched, and stopped at step 7;" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.tensorflow
def test_a_healthy_training_is_left_as_it_is(folder: Path) -> None:
    plain = run(folder, "train.py", "four", program=())

    watched = run(folder, "train.py", "four")

    assert (watched.code, watched.out) == (plain.code, plain.out) == (4, plain.out)
    (line,) = [line for line in watched.err.splitlines() if line.startswith("nandoctor")]
    assert line.startswith("nandoctor: 20 steps of training watched")
    assert not (folder / ".nandoctor").exists()


@pytest.mark.tensorflow
def test_the_scripts_own_error_stands_and_shows_no_frame_of_the_watch(folder: Path) -> None:
    outcome = run(folder, "--quiet", "train.py", "failing")

    assert outcome.code == 1
    assert "model.fit(x[:, :3], y, verbose=0)" in outcome.err
    assert "Matrix size-incompatible" in outcome.err
    assert "nandoctor" not in outcome.err


@pytest.mark.tensorflow
def test_a_smoke_run_ends_after_so_many_steps(folder: Path) -> None:
    outcome = run(folder, "--max-steps", "3", "train.py")

    assert outcome.code == 0
    assert "weights" not in outcome.out
    assert "3 steps of training watched, and stopped there (--max-steps 3)" in outcome.err
