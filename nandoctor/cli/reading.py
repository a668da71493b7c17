"""Progress while data is read, and what an interruption leaves: rows, bytes and the time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
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
            bar.set_description_str(f"reading {rows:,} rows" if rows else "reading", refresh=False)
            bar.update(min(bytes_read, total or bytes_read) - bar.n)

    try:
        yield advance
    except KeyboardInterrupt:
        of = f" of {total:,}" if total else ""
        # Arrays are read one after another: it is not known how many of their rows are whole.
        whole = f"{rows:,} rows, " if rows or not size else ""
        print(f"nandoctor: interrupted; read so far: {whole}{size:,}{of} bytes", file=stream)
        raise
    finally:
        if bar is not None:
            bar.close()


def _size(sources: Sequence[Path]) -> int | None:
    """The bytes that there are to read in all; None where that is not known before: a pattern, a URL, a .gz file, what
    may not be looked at.
    """
    try:
        files = [file for source in sources for file in (source.rglob("*") if source.is_dir() else [source])]
        sizes = [_bytes(file) for file in files if not file.is_dir()]
    except PermissionError:
        return None
    return None if any(size is None for size in sizes) else sum(size for size in sizes if size is not None)


def _bytes(file: Path) -> int | None:
    """How many bytes a file holds once it is inflated."""
    if not file.is_file() or file.suffix.lower() in (".gz", ".zst"):
        return None
    if file.suffix.lower() == ".npz":
        import zipfile

        with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(file) as archive:
            return sum(member.file_size for member in archive.infolist())
    return file.stat().st_size
