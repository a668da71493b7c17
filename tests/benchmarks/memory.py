"""The highest memory of the interpreted step beside that of the plain one, each in a process of its own."""

from __future__ import annotations

from pathlib import Path

from contender import build, contender
from subjects import DESCRIBED
from table import Table, against

BOUND = 2.0
RUNS = 3


def measure(folder: Path, quick: bool) -> Table:
    """Peaks above the level after loading and tracing, over a few runs."""
    rows = []
    for name, described in DESCRIBED.items():
        build(folder, name, quick)
        plain, interpreted = (_peak(folder, name, way) for way in ("plain", "interpreted"))
        ratio = against(interpreted / plain, BOUND)
        rows.append([described, f"{plain / 2**20:,.0f} MiB", f"{interpreted / 2**20:,.0f} MiB", ratio])
    return Table(
        "Peak memory of one training step",
        "Resident memory above the level after loading and tracing.",
        ("model", "plain", "interpreted", "interpreted / plain"),
        rows,
    )


def _peak(folder: Path, name: str, way: str) -> int:
    with contender(folder, name, way) as run:
        return max(run()[1] for _ in range(RUNS))
