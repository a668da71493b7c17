"""`nandoctor lint`: 1,000 files of real code, and one file, the whole process."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path

from table import Table

FILES, BOUND = 1000, 5.0
PROGRAM = "from nandoctor.cli.main import run; run()"


def measure(folder: Path, quick: bool) -> Table:
    """Wall and processor time on copies of the files of Keras itself, tests and all."""
    keras = find_spec("keras")
    assert keras is not None
    assert keras.origin is not None
    source = sorted(Path(keras.origin).parent.rglob("*.py"))
    count = FILES // 10 if quick else FILES
    for number, path in enumerate(islice(cycle(source), count)):
        (folder / f"{number:04}_{path.name}").write_bytes(path.read_bytes())
    lines = sum(path.read_bytes().count(b"\n") for path in folder.glob("*.py"))
    one = next(folder.glob("*.py"))
    rows = []
    for what, target, bound in (("one file", one, None), (f"{count:,} files, {lines:,} lines", folder, BOUND)):
        wall, processor = _timed(target)
        told = "" if bound is None else f"{bound:.0f} s{'' if wall <= bound else ', MISSED'}"
        rows.append([what, f"{wall:.2f} s", f"{processor:.2f} s", told])
    return Table("A look at source", "The whole process.", ("source", "wall time", "processor time", "bound"), rows)


def _timed(target: Path) -> tuple[float, float]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", PROGRAM, "lint", str(target), "--quiet", "--fail-on", "never"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
