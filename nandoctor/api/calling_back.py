"""A watch for those who prefer one line in `fit`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

from nandoctor.api.watching import TrainingError, watch
from nandoctor.config import FailOn
from nandoctor.finding import Report


class Watch:
    """A callback of Keras 3 and of tf-keras: `model.fit(x, y, callbacks=[nandoctor.Watch()])` is watched.

    It is what `nandoctor.watch` is around that call of `fit`, and its arguments are those: where the numbers turn
    non-finite the training ends (or goes on without the poisoned updates, with "skip"), and TrainingError tells why.
    Inside of a run that is being watched already it does nothing. `report` is there when `fit` has ended.
    """

    def __init__(
        self,
        *,
        on_trip: Literal["stop", "skip"] = "stop",
        capsule_dir: Path | str | None = None,
        fail_on: FailOn | None = None,
    ) -> None:
        from nandoctor.probes.watch.callback import ask_in_fit

        super().__init__()
        self.report: Report | None = None
        self._on_trip: Literal["stop", "skip"] = on_trip
        self._capsule_dir = capsule_dir
        self._fail_on = fail_on
        ask_in_fit(_around)

    @contextmanager
    def _watching(self) -> Iterator[None]:
        self.report = None
        try:
            with watch(on_trip=self._on_trip, capsule_dir=self._capsule_dir, fail_on=self._fail_on) as watched:
                yield
        except TrainingError as error:
            self.report = error.report
            raise
        self.report = watched.report

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Keras says so: nothing but `fit` is watched."""
        from nandoctor.probes.watch.start import is_watched

        if not is_watched():
            told = "nandoctor: not watched, since this is not the fit of Keras; use `with nandoctor.watch():`"
            print(told, file=sys.stderr, flush=True)


def callback() -> type[Watch]:
    """The class `Watch` as one of the Keras that is in use, which is imported where it is not."""
    from nandoctor.probes.watch.callback import callback_kinds

    return _made_of(callback_kinds())


@cache
def _made_of(kinds: tuple[type, ...]) -> type[Watch]:
    return type("Watch", (Watch, *kinds), {"__doc__": Watch.__doc__, "__module__": "nandoctor"})


def _around(callback: Any) -> Any:
    return callback._watching() if isinstance(callback, Watch) else None
