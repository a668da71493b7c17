"""Many files read side by side, by this process and by some that it starts."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from nandoctor.probes.source.read import Outcome, outcome_of

_FILES_A_PROCESS = 200
"""So many files take about as long as to start a process takes twice."""

_MOST = 8
_FILES_AT_ONCE = 10
# Not by `multiprocessing`, which runs the user's script once more in each process; and nothing of the working folder,
# where the files to read may be called as modules of Python are.
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from nandoctor.probes.source.abreast import serve; serve()"

Batch = tuple[int, list[Path]]
"""The place of its first file among all, and the files."""


def read_all(files: Sequence[Path], *, with_fits: bool = False) -> list[Outcome]:
    """What each file says, or why it cannot be read, in the order given; of many files processes read a part each."""
    waiting = deque((first, list(files[first : first + _FILES_AT_ONCE])) for first in _places(len(files)))
    found: dict[int, list[Outcome]] = {}
    with _without_collection(), _others(waiting, found, with_fits, _how_many(len(files)) - 1):
        _read_own(waiting, found, with_fits)
    # What a process had in hand when it failed.
    with _without_collection():
        _read_own(waiting, found, with_fits)
    return [outcome for first in _places(len(files)) for outcome in found[first]]


def serve() -> None:
    """What a process does that was started to read: batches come in and what they say goes out, until no more come."""
    with _without_collection():
        while True:
            try:
                batch, with_fits = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            pickle.dump([outcome_of(file, with_fits=with_fits) for file in batch], sys.stdout.buffer)
            sys.stdout.buffer.flush()


def _places(files: int) -> range:
    return range(0, files, _FILES_AT_ONCE)


def _how_many(files: int) -> int:
    """How many processes, this one among them, are worth it."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(min(processors, _MOST, files // _FILES_A_PROCESS), 1)


def _read_own(waiting: deque[Batch], found: dict[int, list[Outcome]], with_fits: bool) -> None:
    while waiting:
        try:
            first, batch = waiting.popleft()
        except IndexError:
            return
        found[first] = [outcome_of(file, with_fits=with_fits) for file in batch]


@contextmanager
def _others(waiting: deque[Batch], found: dict[int, list[Outcome]], with_fits: bool, processes: int) -> Iterator[None]:
    """So many processes, each with a thread that hands it one batch after the other, until all are read."""
    started = [one for one in (_started() for _ in range(processes)) if one is not None]
    threads = [Thread(target=_feed, args=(one, waiting, found, with_fits), daemon=True) for one in started]
    for thread in threads:
        thread.start()
    try:
        yield
        for thread in threads:
            thread.join()
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _started() -> subprocess.Popen[bytes] | None:
    # A program that Python was built into is no interpreter.
    if not sys.executable or hasattr(sys, "frozen"):
        return None
    command = [sys.executable, "-P", "-c", _PROGRAM, str(Path(__file__).parents[3])]
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None


def _feed(
    process: subprocess.Popen[bytes], waiting: deque[Batch], found: dict[int, list[Outcome]], with_fits: bool
) -> None:
    """Hands batches over until there are no more; that of a process that fails goes back."""
    assert process.stdin is not None
    assert process.stdout is not None
    while waiting:
        try:
            first, batch = waiting.popleft()
        except IndexError:
            return
        try:
            pickle.dump((batch, with_fits), process.stdin)
            process.stdin.flush()
            found[first] = pickle.load(process.stdout)
        except (OSError, EOFError, ValueError, ImportError, AttributeError, pickle.UnpicklingError):
            waiting.append((first, batch))
            return


@contextmanager
def _without_collection() -> Iterator[None]:
    """No search for cycles while trees are made: they have none, and it takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
