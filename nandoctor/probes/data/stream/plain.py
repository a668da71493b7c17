"""Text tables in which every line is a row: runs of their lines, found at the speed of reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

from nandoctor.stats import Array

# Longer lines are left to the reader that refuses the far too long ones.
LONGEST_LINE = 1 << 20
_PIECE = 1 << 20
_NEWLINE, _UNDERSCORE, _ZERO, _NINE = b"\n_09"


@dataclass(frozen=True)
class Run:
    """The bytes of a file from `start` to `end`, which are that many whole rows.

    `grouped` says that there is an underscore between digits somewhere: it takes no part in a number.
    """

    start: int
    end: int
    rows: int
    grouped: bool


def runs(file: IO[bytes], start: int, size: int, quote: str) -> Iterator[Run]:
    """Runs of about `size` bytes from `start` on, up to the first piece in which a line may not be a row."""
    file.seek(start)
    begun, rows, grouped = start, 0, False
    while data := file.read(min(size, _PIECE)):
        data += file.readline(LONGEST_LINE + 1)
        found = plain_rows(data, quote)
        if found is None:
            break
        start, rows, grouped = start + len(data), rows + found, grouped or grouped_digits(data)
        if start - begun >= size:
            yield Run(begun, start, rows, grouped)
            begun, rows, grouped = start, 0, False
    if rows:
        yield Run(begun, start, rows, grouped)


def plain_rows(data: bytes, quote: str) -> int | None:
    """How many rows these lines are; None where there are quotes, blank or very long lines, carriage returns that end
    no line, or bytes that are no UTF-8.
    """
    if quote and quote.encode() in data:
        return None
    newlines = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
    blank = 1
    # A search for one byte is several times faster than a count of it.
    if b"\r" in data:
        if not data.count(b"\r") == data.count(b"\r\n") == len(newlines):
            return None
        blank = 2
    ends = newlines if data.endswith(b"\n") else np.append(newlines, len(data))
    lengths = np.diff(ends, prepend=-1)
    if lengths.min() <= blank or lengths.max() > LONGEST_LINE or not is_utf8(data):
        return None
    return len(ends)


def grouped_digits(data: bytes) -> bool:
    """Whether there is an underscore between two digits."""
    if b"_" not in data:
        return False
    array = np.frombuffer(data, np.uint8)
    marks = np.flatnonzero(array[1:-1] == _UNDERSCORE) + 1
    return bool((_digits(array[marks - 1]) & _digits(array[marks + 1])).any())


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are a text in UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _digits(array: Array) -> Array:
    return (array >= _ZERO) & (array <= _NINE)
