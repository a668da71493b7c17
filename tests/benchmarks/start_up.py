"""`nandoctor --help`: how long it takes, and how much it loads."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rounds import medians
from table import Table, milliseconds

BOUND = 0.2
NOTHING = "import sys; print(len(sys.modules))"
HELP = """
import sys
from nandoctor.cli.main import run
sys.argv = ["nandoctor", "--help"]
try:
    run()
finally:
    print(len(sys.modules))
"""


def measure(_folder: Path, quick: bool) -> Table:
    """Wall time of the whole process, beside a Python that does nothing."""
    programs = {"python, nothing else": NOTHING, "nandoctor --help": HELP}
    taken = medians({name: _timed(program) for name, program in programs.items()}, 5 if quick else 15)
    rows = []
    for name, program in programs.items():
        seconds = taken[name]
        bound = f"{BOUND * 1000:.0f} ms{'' if seconds <= BOUND else ', MISSED'}" if program is HELP else ""
        rows.append([name, milliseconds(seconds), _run(program).split()[-1], bound])
    return Table("Start-up", "The whole process.", ("command", "time", "modules loaded", "bound"), rows)


def _timed(program: str) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        _run(program)
        return time.perf_counter() - started

    return run


def _run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
