"""How a run is to be watched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

OnTrip = Literal["stop", "skip"]
CAPSULES = Path(".nandoctor")


@dataclass(frozen=True)
class Wanted:
    """How to watch: what to do when something trips, after how many steps to stop.

    `capsules` is the folder for capsules, `capsule_limit` the most bytes that one may take.
    `check_up` says when a step in which nothing tripped is looked at op by op: "auto" (the first, then as many as 2 %
    of the time allow for, and at the end), "off", or every that many steps instead of as many as the time allows for.
    Without `replays` a step that fails is neither kept nor examined. `tensorboard` is the folder that the records and
    what is seen in looks go to, for TensorBoard; None for none.
    """

    on_trip: OnTrip = "stop"
    max_steps: int | None = None
    capsules: Path = CAPSULES
    capsule_limit: int = 2_000_000_000
    check_up: str | int = "auto"
    replays: bool = True
    tensorboard: Path | None = None
