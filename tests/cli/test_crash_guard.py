from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nandoctor.cli import crash_guard

PROGRAM = """
import sys, types
from nandoctor.finding import Report, ReportSubject, Summary, Tool
import os, signal, time

def scan(*_, notices, **__):
{body}
    return Report(
        Tool("nandoctor", "0.1.0", None, None, "3.11.7"), ReportSubject("saved_model", "model"),
        Summary(0, 0, 0, "healthy"), (), examined=("64 rows",), notices=tuple(notices),
    )

sys.modules["nandoctor.api"] = types.SimpleNamespace(scan=scan)
from nandoctor.cli.main import run
run()
"""
ARGUMENTS = ("scan", "model", "data.npz")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")


def command(body: str, *arguments: object) -> list[str]:
    """`nandoctor ARGUMENTS...` with this examination."""
    return [sys.executable, "-c", PROGRAM.format(body=f"    {body}"), *map(str, arguments or ARGUMENTS)]


def environment(**variables: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != crash_guard.ONEDNN} | variables


def outcome(body: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(body, *arguments), capture_output=True, text=True, check=False, env=environment(**variables)
    )


CRASHES_WITH_ONEDNN = 'os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0" or os.kill(os.getpid(), signal.{})'


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGILL", "SIGBUS", "SIGFPE"])
def test_a_crash_is_told_and_the_scan_repeated_without_onednn(name: str, tmp_path: Path) -> None:
    done = outcome(CRASHES_WITH_ONEDNN.format(name), *ARGUMENTS, "-o", tmp_path / "report.txt")

    assert done.returncode == 0
    assert done.stderr == (
        f"nandoctor: TensorFlow itself crashed ({name}); the scan is repeated with TF_ENABLE_ONEDNN_OPTS=0\n"
    )
    notice = " ".join(done.stdout.split("Please note:")[1].split())
    assert notice.startswith(f"- TensorFlow itself crashed ({name}) on this model, and the scan was repeated")
    assert "fused kernels" in notice
    assert (tmp_path / "report.txt").read_text() == done.stdout


def test_a_scan_that_does_not_crash_has_no_such_notice() -> None:
    done = outcome("pass")

    assert (done.returncode, done.stderr) == (0, "")
    assert "crashed" not in done.stdout


@pytest.mark.parametrize(
    ("options", "advice"), [((), "--no-backward"), (("--no-backward",), "another version of TensorFlow")]
)
def test_a_second_crash_is_the_end(options: tuple[str, ...], advice: str, tmp_path: Path) -> None:
    crash = "os.kill(os.getpid(), signal.SIGABRT)"
    done = outcome(crash, *ARGUMENTS, *options, "-o", tmp_path / "report.txt", "--save-facts", tmp_path / "facts.json")

    assert (done.returncode, done.stdout) == (3, "")
    repeated, ended = done.stderr.splitlines()
    assert "is repeated" in repeated
    assert ended.startswith("nandoctor: TensorFlow itself crashed on this model (SIGABRT)")
    assert advice in ended
    assert list(tmp_path.iterdir()) == []


def test_the_users_own_choice_about_onednn_is_kept() -> None:
    done = outcome("os.kill(os.getpid(), signal.SIGSEGV)", TF_ENABLE_ONEDNN_OPTS="1")

    assert done.returncode == 3
    assert done.stderr.startswith("nandoctor: TensorFlow itself crashed on this model (SIGSEGV)")
    assert done.stderr.count("\n") == 1


def test_a_scan_that_the_system_kills_is_no_crash_of_tensorflow() -> None:
    done = outcome("os.kill(os.getpid(), signal.SIGKILL)")

    assert (done.returncode, done.stdout) == (3, "")
    assert "memory" in done.stderr
    assert done.stderr.count("\n") == 1


def test_errors_and_exit_codes_pass_through() -> None:
    refused = outcome("from nandoctor.errors import NandoctorError; raise NandoctorError('not this one', 2)")
    ours = outcome("raise ZeroDivisionError")

    assert (refused.returncode, refused.stderr) == (2, "nandoctor: not this one\n")
    assert ours.returncode == 3
    assert ours.stderr.startswith("nandoctor: internal error: ZeroDivisionError")


def test_an_interruption_of_the_waiting_process_alone_reaches_the_scan() -> None:
    with subprocess.Popen(
        command("print('examining', file=sys.stderr); time.sleep(60)"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"examining\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""

    assert process.returncode == 130


def test_the_scan_ends_with_the_process_that_waits_for_it() -> None:
    with subprocess.Popen(
        command("print('examining', file=sys.stderr); time.sleep(60)"), stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"examining\n"
        started = time.monotonic()
        process.kill()
        # The stream ends when the last process that holds it is gone.
        process.stderr.read()

    assert time.monotonic() - started < 30


@pytest.mark.tensorflow
def test_a_shape_that_onednn_dies_of_is_examined_without_it(tmp_path: Path) -> None:
    """A 1x1 convolution with stride 2: TensorFlow 2.21 crashes in its gradient on CPUs where oneDNN takes it."""
    import keras

    keras.utils.set_random_seed(0)
    x = keras.Input((60, 60, 8), name="x")
    h = keras.layers.Conv2D(16, 1, strides=2, padding="same")(x)
    keras.Model(x, keras.layers.GlobalAveragePooling2D()(h)).save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).normal(size=(32, 60, 60, 8)).astype(np.float32))
    program = "from nandoctor.cli.main import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", program, "scan", tmp_path / "model.keras", tmp_path / "data.npz"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )

    assert done.returncode == 0
    assert "Verdict: healthy" in done.stdout
    # The kernel writes where it must not: by chance the process dies of one signal, of another, or not at all.
    assert ("TensorFlow itself crashed" in done.stderr) == ("TF_ENABLE_ONEDNN_OPTS=0" in done.stdout)
