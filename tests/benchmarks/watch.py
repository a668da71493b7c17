"""What watching a training costs: an epoch under `nandoctor run`, plain, and under TensorFlow's own instruments."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from processes import NANDOCTOR, answering
from rounds import pairs
from table import Table, against, milliseconds
from trainings import DESCRIBED

BOUND, EAGER_BOUND, MEAN_BOUND = 1.05, 1.15, 1.03
INSTRUMENTS = ("check_numerics", "CONCISE_HEALTH", "FULL_HEALTH")


@dataclass(frozen=True)
class Epoch:
    """Seconds, seconds of CPU time, and the highest memory of the process until its end in bytes."""

    seconds: float
    cpu: float
    peak: int


Ask = Callable[[], Epoch]


def measure(folder: Path, quick: bool) -> Table:
    """Median ratios of alternating pairs of epochs, for each training."""
    measured = {name: _measured(name, folder, quick) for name in DESCRIBED}
    fits = mean(ratio for name, (ratio, _) in measured.items() if name != "eager")
    return Table(
        "A training that is watched",
        "An epoch in steady state, over the plain one: the median of alternating pairs, in processes that take turns. "
        "Watched: under `nandoctor run`. The others: under `tf.debugging.enable_check_numerics` and "
        "`enable_dump_debug_info`. Memory: the highest of the whole process.",
        ("training", "plain epoch", "watched", "watched, CPU time", *INSTRUMENTS, "memory, watched"),
        [*(cells for _, cells in measured.values()), ["mean of the four fits", "", against(fits, MEAN_BOUND)]],
    )


def _measured(name: str, folder: Path, quick: bool) -> tuple[float, list[str]]:
    """The ratio of the watched training, and the cells of its row."""
    with ExitStack() as processes:

        def way(one: str, *, watched: bool = False) -> Ask:
            return _epochs(processes.enter_context(answering(command(name, one, folder, quick, watched=watched))))

        plain, watched, *others = way("plain"), way("plain", watched=True), *map(way, INSTRUMENTS)
        taken = pairs(plain, watched, 7 if quick else 15)
        beside = [_ratio(pairs(plain, one, 1 if quick else 3), lambda epoch: epoch.seconds) for one in others]
    ratio, cpu = _ratio(taken, lambda epoch: epoch.seconds), _ratio(taken, lambda epoch: epoch.cpu)
    before, after = (max(epoch.peak for epoch in way) for way in zip(*taken, strict=True))
    return ratio, [
        DESCRIBED[name],
        milliseconds(median(epoch.seconds for epoch, _ in taken)),
        against(ratio, EAGER_BOUND if name == "eager" else BOUND),
        f"{cpu:.2f}x",
        *(f"{one:.1f}x" for one in beside),
        f"{after / before:.2f}x (+{(after - before) / 2**20:.0f} MiB)",
    ]


def command(name: str, way: str, folder: Path, quick: bool, *, watched: bool = False) -> list[str | Path]:
    """The training as a process of its own."""
    script = [Path(__file__).with_name("trainings.py"), name, way, folder / way, *(["--quick"] if quick else [])]
    watch = [*NANDOCTOR, "run", "--capsule-dir", folder / "capsules"]
    return [*(watch if watched else [sys.executable]), *script]


def _epochs(ask: Callable[[str], str]) -> Ask:
    def epoch() -> Epoch:
        seconds, cpu, peak = ask("epoch").split()
        return Epoch(float(seconds), float(cpu), int(peak))

    return epoch


def _ratio(taken: list[tuple[Epoch, Epoch]], of: Callable[[Epoch], float]) -> float:
    return median(of(other) / of(plain) for plain, other in taken)
