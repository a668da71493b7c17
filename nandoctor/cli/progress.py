"""A progress bar on standard error for what takes long."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

SHOWN_AFTER_SECONDS = 2.0

Progress = Callable[[str, int, int], None]


@contextmanager
def progress_bar(
    *, wanted: bool = True, stream: TextIO | None = None, after: float = SHOWN_AFTER_SECONDS
) -> Iterator[Progress | None]:
    """A function that shows (stage, done, total) on the terminal from the third second on; None without terminal.

    The bar is taken away in the end, also after an error.
    """
    stream = stream or sys.stderr
    if not wanted or not stream.isatty():
        yield None
        return
    from tqdm import tqdm

    bar = tqdm(total=1, file=stream, leave=False, dynamic_ncols=True, delay=float("inf"), bar_format=_FORMAT)
    lock = threading.Lock()
    visible = False

    def appear() -> None:
        nonlocal visible
        with lock:
            visible = True
            bar.refresh()

    def advance(stage: str, done: int, total: int) -> None:
        with lock:
            bar.total, bar.n = total, done
            bar.set_description_str(stage, refresh=False)
            if visible:
                bar.refresh()

    timer = threading.Timer(after, appear)
    timer.daemon = True
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        with lock:
            if visible:
                bar.clear()
            bar.close()


_FORMAT = "{desc} {n_fmt}/{total_fmt} |{bar:20}| {elapsed}"
