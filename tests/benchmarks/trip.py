"""From the update that is not finite to the printed report, under `nandoctor run`."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import trainings
from subjects import DESCRIBED as SUBJECTS
from table import Table, against
from watch import command

BOUND, RESNET_BOUND = 5.0, 60.0


def measure(folder: Path, quick: bool) -> Table:
    """Seconds for each training."""
    rows = []
    for name, described in {**trainings.DESCRIBED, "resnet50": SUBJECTS["resnet50"]}.items():
        seconds, found = _report(command(name, "plain", folder, quick, watched=True))
        bound = RESNET_BOUND if name == "resnet50" else BOUND
        rows.append([described, against(seconds, bound, " s"), found])
    return Table(
        "From the trip to the report",
        "An epoch, then a batch with a NaN: the time from before that batch is trained on until the report is printed, "
        "with its capsule written and the step run again op by op.",
        ("training", "until the report", "first finding"),
        rows,
    )


def _report(training: list[str | Path]) -> tuple[float, str]:
    """Seconds until the last line of the report, and its first finding."""
    with subprocess.Popen(training, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        given, answers = process.stdin, process.stdout
        assert given is not None
        assert answers is not None
        given.write("epoch\npoison\n")
        while (line := answers.readline()).strip() != "poisoned":
            if not line:
                raise RuntimeError(f"it ended and was not poisoned: {' '.join(map(str, training))}")
        poisoned = ended = time.perf_counter()
        report = []
        for line in answers:
            report.append(line.strip())
            ended = time.perf_counter()
        given.close()
    return ended - poisoned, next((line.split()[0] for line in report if line.startswith("ND")), "none")
