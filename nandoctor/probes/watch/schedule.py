"""When a training in which nothing tripped is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# Of the time since the watch began: what the looks at whole steps take, and what reading the record takes.
SHARE_OF_LOOKS = 0.02
SHARE_OF_READING = 0.005
SECONDS_BETWEEN_READINGS = 1.0


@dataclass
class Schedule:
    """When to look at a step op by op, and when to read the record of the last ones.

    The time is that of the clock or that of the processor, whichever is less: a script that waits is not training.
    The first step is looked at whatever that takes. The next look is due `every` so many steps, or, without that, as
    soon as it and those before it fit into 2 % of the time; `looks` says whether there are any. Reading is due every
    second, or as rarely as it takes to stay below 0.5 %. `step` is how many steps there were at the last look, `spent`
    how long all looks have taken, with what was prepared for them.
    """

    looks: bool = True
    every: int | None = None
    begun: float = field(default_factory=time.monotonic)
    worked: float = field(default_factory=time.process_time)
    step: int = 0
    spent: float = 0.0
    _last: float = 0.0
    _prepared: float = 0.0
    _next_reading: float = 0.0

    def look_due(self, steps: int) -> bool:
        """Whether another step is to be looked at, of a training that has made so many."""
        if not self.looks or not self._last:
            return False
        if self.every is not None:
            # The batch of the step after this moment is kept, and the last look came after its own step.
            return steps - self.step >= self.every - 1
        return self.spent + self._last <= SHARE_OF_LOOKS * self._time()

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """What is done in its `with` block for the sake of the next look counts as part of it."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self._prepared += time.monotonic() - begun

    def look(self, steps: int, act: Callable[[], None]) -> None:
        """Look, and note what that took."""
        try:
            with self.preparing():
                act()
        finally:
            self._last, self._prepared = max(self._prepared, 1e-9), 0.0
            self.spent += self._last
            self.step = steps

    def reading_due(self) -> bool:
        """Whether the record is to be read."""
        return self.looks and self._time() >= self._next_reading

    def read(self, act: Callable[[], None]) -> None:
        """Read, and note when to do so again."""
        begun = time.monotonic()
        try:
            act()
        finally:
            taken = time.monotonic() - begun
            self._next_reading = self._time() + max(SECONDS_BETWEEN_READINGS, taken / SHARE_OF_READING)

    def _time(self) -> float:
        """The seconds since it all began."""
        return min(time.monotonic() - self.begun, time.process_time() - self.worked)
