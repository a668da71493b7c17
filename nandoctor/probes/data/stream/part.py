"""What one worker reads, and the one function that runs the workers."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from nandoctor.facts.data import Dialect
from nandoctor.probes.data.stream.feature import Feature
from nandoctor.probes.data.stream.partial import Partial


@dataclass(frozen=True)
class Part:
    """A piece of a data set that can be read on its own.

    `array` is a member of an archive; `columns` are the names in a table. `first_row` is the number of the first row in
    the whole data set (from 0). `start` and `end` are bytes of a text file (`end` None: to its end) or rows of a binary
    one; `first_line` is the line on which `start` is. `lines_are_rows` is how many rows there are where every line is
    known to be one. `features` are those of the records of a TFRecord file. `sample_rows` is how many rows of the whole
    data set are sampled. `data` are the bytes from `start` to `end` where they were at hand; they stay behind when the
    part is sent to another process, which reads them.
    """

    path: str
    format: str
    first_row: int
    start: int
    end: int | None
    sample_rows: int
    array: str | None = None
    columns: tuple[str, ...] = ()
    first_line: int = 1
    lines_are_rows: int | None = None
    textual: tuple[int, ...] = ()
    dialect: Dialect | None = None
    most_bytes: int | None = None
    features: tuple[Feature, ...] = ()


Fold = Callable[[Part], Partial]
Progress = Callable[[int, int], None]
Run = Callable[[Iterable[Part], Fold, Progress | None], Partial]


def run_parts(parts: Iterable[Part], fold: Fold, progress: Progress | None = None) -> Partial:
    """The sum of the folds, in order of the parts; `progress` is told the rows and bytes read so far.

    This is the seam between what is computed and where: here on as many threads as there are processors, with no more
    than two parts a thread under way. An error or an interruption ends it without waiting for the parts not begun.
    """
    total = Partial()
    workers = os.cpu_count() or 1
    pool = ThreadPoolExecutor(workers, thread_name_prefix="fold")
    try:
        for partial in _in_order(pool, iter(parts), fold, workers + 1):
            total = total + partial
            if progress is not None:
                progress(total.rows, total.bytes)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return total


def _in_order(pool: ThreadPoolExecutor, parts: Iterator[Part], fold: Fold, most: int) -> Iterator[Partial]:
    waiting: deque[Future[Partial]] = deque()
    for part in parts:
        waiting.append(pool.submit(fold, part))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
