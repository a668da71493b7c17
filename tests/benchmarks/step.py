"""One training step: compiled, interpreted with statistics, and under TensorFlow's own instruments."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from contender import WAYS, Run, build, contender
from rounds import medians
from subjects import DESCRIBED
from table import Table, against, milliseconds

BOUND = 4.0


def measure(folder: Path, quick: bool) -> Table:
    """Median times and their ratios to the plain step, for each model."""
    rows = []
    for name, described in DESCRIBED.items():
        build(folder, name, quick)
        with ExitStack() as processes:
            ways = {way: _seconds(processes.enter_context(contender(folder, name, way))) for way in WAYS}
            taken = medians(ways, 3 if quick else 5)
        plain = taken["plain"]
        bounded = against(taken["interpreted"] / plain, BOUND) if name in ("resnet50", "transformer") else ""
        rows.append([described, *(_cell(taken[way], plain) for way in WAYS), bounded])
    return Table(
        "One training step (loss and gradients)",
        "Plain: compiled by TensorFlow. Interpreted: op by op, with nandoctor's statistics. The others: the plain step "
        "traced under `tf.debugging.enable_check_numerics` and `enable_dump_debug_info(FULL_HEALTH)`.",
        ("model", "plain", "interpreted", "enable_check_numerics", "FULL_HEALTH", "interpreted / plain"),
        rows,
    )


def _seconds(run: Run) -> Callable[[], float]:
    return lambda: run()[0]


def _cell(seconds: float, plain: float) -> str:
    return milliseconds(seconds) if seconds == plain else f"{milliseconds(seconds)} ({seconds / plain:.1f}x)"
