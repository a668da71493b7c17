"""Where a run, a scan or a replay is written for TensorBoard, as it goes on."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nandoctor.errors import USAGE, NandoctorError

if TYPE_CHECKING:
    from nandoctor.facts import History, StepFacts
    from nandoctor.probes.board.events import Events


@dataclass
class Board:
    """A folder for TensorBoard, and what has been written to it.

    What is written belongs to a `part`: "" is the folder itself, others are folders in it. Where writing fails, that is
    said once on standard error, and nothing is written any more. A process that was forked off writes nothing.
    `written` is the last step of each part whose record was written. TensorFlow is imported with the first that is.
    """

    folder: Path
    written: dict[str, int] = field(default_factory=dict)
    off: bool = False
    process: int = field(default_factory=os.getpid)
    _events: dict[str, Events] = field(default_factory=dict)

    def record(self, part: str, history: History, leaving_out: Collection[int] = ()) -> None:
        """Write the recorded steps that are new, without those that are to be left out."""

        def write() -> None:
            from nandoctor.probes.board.series import recorded

            with self._of(part).writing() as write_step:
                for step, numbers in recorded(history, self.written.get(part, -1)):
                    if step not in leaving_out:
                        write_step(step, numbers)
                    self.written[part] = step

        self.attempt(write)

    def look(self, part: str, step: int, seen: StepFacts) -> None:
        """Write what was seen when that step was looked at op by op."""

        def write() -> None:
            from nandoctor.probes.board.series import looked

            found = looked(seen)
            with self._of(part).writing() as write_step:
                write_step(step, found.scalars, found.histograms)

        self.attempt(write)

    def scan(self, seen: StepFacts) -> None:
        """Write what was seen in a scan, whose steps are its batches."""

        def write() -> None:
            from nandoctor.probes.board.series import scanned

            with self._of("").writing() as write_step:
                for batch, numbers in scanned(seen):
                    write_step(batch, numbers)

        self.attempt(write)
        self.look("", 0, seen)

    def tell(self, part: str, step: int, **texts: str) -> None:
        """Write texts (Markdown) by their tag."""

        def write() -> None:
            with self._of(part).writing() as write_step:
                write_step(step, texts=texts)

        self.attempt(write)

    def close(self) -> None:
        """Close the files: nothing is written any more."""

        def close() -> None:
            for events in self._events.values():
                events.close()

        self.attempt(close)
        self.off = True

    def attempt(self, write: Callable[[], None]) -> None:
        """Write, where writing has not failed yet."""
        if self.off or os.getpid() != self.process:
            return
        try:
            write()
        except Exception as error:  # of all kinds, as the disk and TensorFlow raise them; the training is to go on
            self.off = True
            # TensorFlow puts the op in front.
            why = " ".join(re.sub(r"\{\{.*?\}\}", "", f"{type(error).__name__}: {error}").split())[:300]
            told = f"nandoctor: {self.folder}: nothing more is written for TensorBoard: {why}"
            print(told, file=sys.stderr, flush=True)

    def _of(self, part: str) -> Events:
        from nandoctor.probes.board.events import Events

        if part not in self._events:
            self._events[part] = Events(self.folder / part)
        return self._events[part]


def open_board(folder: Path) -> Board:
    """The board in that folder, which is made; NandoctorError (exit code 2) where it cannot be written."""
    import tempfile

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise NandoctorError(f"{folder}: cannot write for TensorBoard: {error.strerror}", USAGE) from error
    return Board(folder.absolute())
