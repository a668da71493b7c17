from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nandoctor import __version__

Command = Any


def test_help_loads_nothing_that_it_does_not_need() -> None:
    program = """
import sys
from nandoctor.cli.main import run
sys.argv = ["nandoctor", *sys.argv[1:]]
try:
    run()
finally:
    print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""
    heavy = {"tensorflow", "keras", "tf_keras", "numpy", "tabulate", "yaml", "cattrs", "attrs", "tqdm", "h5py", "rich"}
    heavy |= {"bokeh", "jinja2"}
    for arguments in (["--help"], ["scan", "--help"], ["check-data", "--help"], ["explain", "--help"], ["--version"]):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
        assert done.stdout
        assert heavy.isdisjoint(done.stderr.split())


def test_explain_loads_no_tensorflow() -> None:
    program = """
import sys
from nandoctor.cli.main import run
sys.argv = ["nandoctor", "explain"]
try:
    run()
finally:
    print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"tensorflow", "keras", "tf_keras"}.isdisjoint(done.stderr.split())


def test_version(nandoctor: Command) -> None:
    outcome = nandoctor("--version")

    assert (outcome.code, outcome.out) == (0, f"nandoctor {__version__}\n")


@pytest.mark.parametrize("command", [(), ("scan",), ("check-data",), ("lint",), ("explain",)])
def test_help_gives_examples(nandoctor: Command, command: tuple[str, ...]) -> None:
    outcome = nandoctor(*command, "--help")

    assert outcome.code == 0
    assert "Examples:\n    nandoctor " in outcome.out


def test_without_arguments_the_help_is_shown(nandoctor: Command) -> None:
    outcome = nandoctor()

    assert outcome.code == 2
    assert "Usage: nandoctor" in outcome.out + outcome.err


def test_an_unknown_command_is_wrong_usage(nandoctor: Command) -> None:
    outcome = nandoctor("scann")

    assert outcome.code == 2
    assert "scann" in outcome.err


def test_completion_is_offered_in_the_users_shell() -> None:
    program = "from nandoctor.cli.main import run; run()"
    command = f"{sys.executable} -c '{program}' --show-completion; exit $?"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    # What the shell hands over while a word is being completed.
    environment = {"_NANDOCTOR_COMPLETE": "complete_bash", "COMP_WORDS": "nandoctor che", "COMP_CWORD": "1"}
    words = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )

    assert "_NANDOCTOR_COMPLETE=complete_bash" in done.stdout
    assert words.stdout.split() == ["check-data"]


def test_the_caller_gets_its_own_hooks_back(nandoctor: Command) -> None:
    before = sys.excepthook, sys.unraisablehook

    nandoctor("--version")

    assert (sys.excepthook, sys.unraisablehook) == before


def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", "from nandoctor.cli.main import run; run()", "explain"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_that_knows_only_ascii_is_no_error() -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    program = "from nandoctor.cli.main import run; run()"
    command = [sys.executable, "-c", program, "explain", "\u5c64"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert done.returncode == 2
    assert done.stderr.startswith("nandoctor: no rule or cause is called")


def test_ctrl_c_ends_the_command_and_its_log_filter(tmp_path: Path) -> None:
    program = """
import sys, time, types
def scan(*_, **__):
    print("examining", file=sys.stderr)
    time.sleep(60)
sys.modules["nandoctor.api"] = types.SimpleNamespace(scan=scan)
sys.argv = ["nandoctor", *sys.argv[1:]]
from nandoctor.cli.main import run
run()
"""
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-c", program, "scan", "model", "data.npz", "-o", tmp_path / "report.json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == b"examining\n"
        os.killpg(process.pid, signal.SIGINT)
        # Both streams end only when no process holds them any more, the filter included.
        assert (process.stdout.read(), process.stderr.read()) == (b"", b"")

    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
