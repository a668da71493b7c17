"""A whole process, measured."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OURS = "nandoctor check-data"
COMMAND = (sys.executable, "-c", "from nandoctor.cli.main import run; run()", "check-data")


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
