"""Text tables in which every line is a row: runs of their lines, found at the speed of reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader

import numpy as np

from nandoctor.stats import Array

# Longer lines are left to the reader that refuses the far too long ones.
LONGEST_LINE = 1 << 20
_PIECE = 1 << 18
_ASCII = 127
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


def runs(file: BufferedReader, start: int, size: int, quote: str) -> Iterator[Run]:
    """Runs of about `size` bytes from `start` on, up to the first piece in which a line may not be a row."""
    file.seek(start)
    # One buffer for all pieces: to get memory anew for each takes longer than to look through them.
    piece = min(size, _PIECE)
    data = bytearray(piece + LONGEST_LINE + 1)
    begun, rows, grouped = start, 0, False
    with memoryview(data) as view:
        while filled := file.readinto(view[:piece]):
            line = file.readline(LONGEST_LINE + 1)
            view[filled : filled + len(line)] = line
            filled += len(line)
            found = plain_rows(data, filled, quote)
            if found is None:
                break
            start, rows, grouped = start + filled, rows + found, grouped or grouped_digits(data, filled)
            if start - begun >= size:
                yield Run(begun, start, rows, grouped)
                begun, rows, grouped = start, 0, False
    if rows:
        yield Run(begun, start, rows, grouped)


def plain_rows(data: bytes | bytearray, size: int, quote: str) -> int | None:
    """How many rows the lines in the first `size` bytes are; None where there are quotes, blank or very long lines,
    carriage returns that end no line, or bytes that are no UTF-8.
    """
    if quote and data.find(quote.encode(), 0, size) >= 0:
        return None
    array = np.frombuffer(data, np.uint8, size)
    newlines = np.flatnonzero(array == _NEWLINE)
    blank = 1
    # A search for one byte is several times faster than a count of it.
    if data.find(b"\r", 0, size) >= 0:
        if not data.count(b"\r", 0, size) == data.count(b"\r\n", 0, size) == len(newlines):
            return None
        blank = 2
    ends = newlines if array[-1] == _NEWLINE else np.append(newlines, size)
    lengths = np.diff(ends, prepend=-1)
    if lengths.min() <= blank or lengths.max() > LONGEST_LINE:
        return None
    if int(array.max()) > _ASCII and not is_utf8(bytes(data[:size])):
        return None
    return len(ends)


def grouped_digits(data: bytes | bytearray, size: int) -> bool:
    """Whether there is an underscore between two digits in the first `size` bytes."""
    if data.find(b"_", 0, size) < 0:
        return False
    array = np.frombuffer(data, np.uint8, size)
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
