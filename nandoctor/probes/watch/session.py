"""One watched run: what its hooks share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nandoctor.probes.watch.guard import Tracing, Trip
from nandoctor.probes.watch.noted import Notebook
from nandoctor.probes.watch.recorder import Recorder

POLL_SECONDS = 0.05


class StoppedError(SystemExit):
    """The training is stopped: no `except Exception` of the script is to catch it."""


@dataclass
class Optimizing:
    """One optimizer of the script, and its recorder."""

    optimizer: Any
    recorder: Recorder
    names: tuple[str, ...]


@dataclass
class Fitting:
    """What `fit` was given, and where it is."""

    model: Any
    x: Any
    y: Any
    epochs: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Watch:
    """The state of a watched run.

    `on_trip` is called once with what tripped; after that nothing is guarded any more.
    """

    on_trip: Callable[[Watch, Optimizing, Trip], None]
    max_steps: int | None = None
    notebook: Notebook = field(default_factory=Notebook)
    tracings: list[Tracing] = field(default_factory=list)
    optimizing: dict[int, Optimizing] = field(default_factory=dict)
    fitting: Fitting | None = None
    off: bool = False
    polled: float = 0.0

    def poll(self, now: float | None = None) -> None:
        """Look whether something tripped; at most every 50 ms unless `now` is given as infinite."""
        now = time.monotonic() if now is None else now
        if self.off or now - self.polled < POLL_SECONDS:
            return
        self.polled = now
        for one in self.optimizing.values():
            state = one.recorder.state.numpy()
            if state[1]:
                self.off = True
                self.on_trip(self, one, Trip(int(state[1])))

    def steps(self) -> int:
        """How many updates were asked for so far, of all optimizers together."""
        return sum(int(one.recorder.state.numpy()[0]) for one in self.optimizing.values())
