"""Progress while data is read, and what an interruption leaves: rows, bytes and the time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from nandoctor.cli.progress import SHOWN_AFTER_SECONDS

Progress = Callable[[int, int], None]


@contextmanager
def reading_progress(
    sources: Sequence[Path], *, wanted: bool = True, stream: TextIO | None = None, after: float = SHOWN_AFTER_SECONDS
) -> Iterator[Progress]:
    """A function that takes (rows, bytes) read so far, and shows them on a terminal with the time left.

    An interruption (Ctrl-C) says on `stream` what was read before it, and goes on.
    """
    stream = stream or sys.stderr
    total = _size(sources)
    rows = size = 0
    bar = None
    if wanted and stream.isatty():
        from tqdm import tqdm

        bar = tqdm(total=total, file=stream, unit="B", unit_scale=True, leave=False, dynamic_ncols=True, delay=after)

    def advance(rows_read: int, bytes_read: int) -> None:
        nonlocal rows, size
        rows, size = rows_read, bytes_read
        if bar is not None:
            bar.set_description_str(f"reading {rows:,} rows", refresh=False)
            bar.update(min(bytes_read, total or bytes_read) - bar.n)

    try:
        yield advance
    except KeyboardInterrupt:
        of = f" of {total:,}" if total else ""
        print(f"nandoctor: interrupted; read so far: {rows:,} rows, {size:,}{of} bytes", file=stream)
        raise
    finally:
        if bar is not None:
            bar.close()


def _size(sources: Sequence[Path]) -> int | None:
    """The bytes of all the sources together, None where one is a pattern, a URL or not there."""
    sizes = [_bytes(source) for source in sources]
    return None if any(size is None for size in sizes) else sum(size for size in sizes if size is not None)


def _bytes(source: Path) -> int | None:
    if source.is_dir():
        return sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
    return source.stat().st_size if source.is_file() else None
