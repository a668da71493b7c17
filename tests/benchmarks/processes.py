"""A whole process, measured."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OURS = "nandoctor check-data"
NANDOCTOR = (sys.executable, "-c", "from nandoctor.cli.main import run; run()")
COMMAND = (*NANDOCTOR, "check-data")


@dataclass(frozen=True)
class Taken:
    """Seconds, highest resident memory in bytes, and what was printed."""

    seconds: float
    memory: int
    output: str


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Taken:
    """What the command takes; RuntimeError with its last words where it neither succeeds nor finds something."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=output, stderr=errors, env=environment) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if process.returncode not in (0, 1):
            errors.seek(0)
            raise RuntimeError(errors.read().decode(errors="replace")[-2000:])
        output.seek(0)
        return Taken(seconds, usage.ru_maxrss * 1024, output.read().decode(errors="replace"))


@contextmanager
def answering(command: Sequence[str | Path]) -> Iterator[Callable[[str], str]]:
    """A process that answers each line with a line; what it writes after its last input is lost.

    RuntimeError where it has ended instead of answering.
    """
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        given, answers = process.stdin, process.stdout
        assert given is not None
        assert answers is not None

        def ask(line: str) -> str:
            given.write(f"{line}\n")
            if not (answer := answers.readline()):
                raise RuntimeError(f"it ended and did not answer: {' '.join(map(str, command))}")
            return answer

        try:
            yield ask
        finally:
            given.close()
            answers.read()
