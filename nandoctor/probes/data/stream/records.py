"""Where the rows of a text table begin and end, and what their cells hold, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.stats import Array

LONGEST_ROW = 64 << 20
_NEWLINE, _RETURN = 10, 13
_LONG_LINE = 200


@dataclass(frozen=True)
class Chunk:
    """Whole rows of a text: `data` begins at byte `start` and on line `line` of the file, with row number `row`.

    `begins` and `ends` are the bytes in `data` of each row, blank lines left out; None where every line is one row.
    """

    data: bytes
    start: int
    line: int
    row: int
    rows: int
    begins: Array | None
    ends: Array | None

    def spans(self) -> tuple[Array, Array]:
        """The first byte of each row in `data`, and the one past its last (its newline not included)."""
        if self.begins is not None and self.ends is not None:
            return self.begins, self.ends
        return _lines(self.data)


def chunks(
    file: IO[bytes],
    path: str,
    size: int,
    quote: str,
    delimiter: str,
    *,
    start: int,
    line: int,
    row: int,
    end: int | None,
) -> Iterator[Chunk]:
    """The stream cut into chunks of about `size` bytes at the ends of rows, up to byte `end`.

    NandoctorError (exit code 3) for a row longer than 64 MB.
    """
    pending = b""
    more = True
    while more or pending:
        wanted = size if end is None else min(size, end - start - len(pending))
        fresh = _read(file, wanted) if more else b""
        more = len(fresh) == wanted and (end is None or start + len(pending) + len(fresh) < end)
        data = pending + fresh if pending else fresh
        if b"\r" in data and b"\n" not in data and (data.count(b"\r") > 1 or not data.endswith(b"\r")):
            data = data.replace(b"\r", b"\n")
        cut = _cut(data, quote, delimiter) if more else len(data)
        last = data.rfind(b"\n", 0, -1) + 1 if len(data) > LONGEST_ROW else len(data)
        if len(data) - last > LONGEST_ROW:
            newlines = data.count(b"\n", 0, last)
            raise NandoctorError(
                f"{path}, line {line + newlines}: a row of more than {LONGEST_ROW >> 20} MB "
                "(not a table, or a quote that is not closed)",
                UNEXAMINABLE,
            )
        if not cut:
            if len(data) > 2 * LONGEST_ROW:
                raise NandoctorError(f"{path}, line {line}: a quote that is not closed", UNEXAMINABLE)
            pending = data
            continue
        pending, data = data[cut:], data[:cut]
        chunk = chunk_of(data, quote, delimiter, start=start, line=line, row=row)
        if chunk.rows:
            yield chunk
        lines = chunk.rows if chunk.begins is None else data.count(b"\n")
        start, line, row = start + len(data), line + lines, row + chunk.rows


def chunk_of(data: bytes, quote: str, delimiter: str, *, start: int = 0, line: int = 1, row: int = 0) -> Chunk:
    """The rows of `data`, which begins with a row."""
    quoted = bool(quote) and quote.encode() in data
    if not quoted and not _blank_lines(data):
        rows = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
        return Chunk(data, start, line, row, rows, None, None)
    begins, ends = _quoted(data, quote, delimiter) if quoted else _lines(data)
    return Chunk(data, start, line, row, len(begins), begins, ends)


def cells_of(record: bytes, delimiter: bytes, quote: bytes) -> list[bytes]:
    """The cells of one row, as a reader of CSV (RFC 4180) understands them: unquoted."""
    if not quote or quote not in record:
        return record.split(delimiter)
    return [cell for cell, _ in _cells(record, 0, len(record), delimiter, quote)]


def well_quoted(data: bytes, delimiter: str, quote: str) -> bool:
    """Whether every quote opens or closes a cell or is doubled within one, so that they can be counted in pairs."""
    array = np.frombuffer(data, np.uint8)
    marks = np.flatnonzero(array == ord(quote))
    opening, closing = marks[0::2], marks[1::2]
    if len(opening) != len(closing):
        return False
    before = array[np.maximum(opening - 1, 0)]
    after = array[np.minimum(closing + 1, len(array) - 1)]
    allowed = [ord(delimiter), _NEWLINE, ord(quote)]
    opens = np.isin(before, allowed) | (opening == 0)
    closes = np.isin(after, [*allowed, _RETURN]) | (closing == len(array) - 1)
    return bool(opens.all() and closes.all())


def _blank_lines(data: bytes) -> bool:
    if data.startswith((b"\n", b"\r\n")) or (b"\r" in data and b"\n\r\n" in data):
        return True
    # Two newlines in a row: from newline to newline is several times faster than a search for both in long lines.
    first = data.find(b"\n")
    if first < _LONG_LINE:
        return b"\n\n" in data
    while first >= 0:
        following = data.find(b"\n", first + 1)
        if following == first + 1:
            return True
        if following - first < _LONG_LINE // 2 and following >= 0:
            return b"\n\n" in data[first:]
        first = following
    return False


def _read(file: IO[bytes], size: int) -> bytes:
    pieces: list[bytes] = []
    missing = size
    while missing > 0 and (piece := file.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _lines(data: bytes) -> tuple[Array, Array]:
    array = np.frombuffer(data, np.uint8)
    return _spans(array, np.flatnonzero(array == _NEWLINE))


def _quoted(data: bytes, quote: str, delimiter: str) -> tuple[Array, Array]:
    array = np.frombuffer(data, np.uint8)
    if not well_quoted(data, delimiter, quote):
        return _spans(array, np.array(list(_row_ends(data, delimiter.encode(), quote.encode())), np.int64))
    newlines = np.flatnonzero(array == _NEWLINE)
    marks = np.flatnonzero(array == ord(quote))
    return _spans(array, newlines[np.searchsorted(marks, newlines) % 2 == 0])


def _spans(array: Array, newlines: Array) -> tuple[Array, Array]:
    if not len(array):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    begins = np.concatenate([[0], newlines + 1])
    ends = np.concatenate([newlines, [len(array)]])
    returned = (ends > begins) & (array[np.maximum(ends - 1, 0)] == _RETURN)
    ends = ends - returned
    full = ends > begins
    return begins[full], ends[full]


def _cut(data: bytes, quote: str, delimiter: str) -> int:
    """Past the last newline that ends a row; 0 where there is none."""
    last = data.rfind(b"\n") + 1
    if not last or not quote or quote.encode() not in data:
        return last
    mark = quote.encode()
    if well_quoted(data[:last], delimiter, quote):
        return last
    if data.count(mark, 0, last) % 2:
        # The last newlines are within a cell that is still open: look before its quote.
        opened = data.rfind(mark, 0, last)
        before = data.rfind(b"\n", 0, opened) + 1
        if before and well_quoted(data[:before], delimiter, quote):
            return before
    ends = list(_row_ends(data, delimiter.encode(), mark))
    return ends[-1] + 1 if ends else 0


def _row_ends(data: bytes, delimiter: bytes, quote: bytes) -> Iterator[int]:
    """The newlines that end a row, one by one: the slow way, for quotes that do not pair up."""
    place = 0
    while (newline := data.find(b"\n", place)) >= 0:
        if data.find(quote, place, newline) >= 0:
            newline = max(end for _, end in _cells(data, place, len(data), delimiter, quote))
            if newline >= len(data):
                return
        yield newline
        place = newline + 1


def _cells(data: bytes, place: int, stop: int, delimiter: bytes, quote: bytes) -> Iterator[tuple[bytes, int]]:
    """Each cell of the row that begins at `place`, and where it ends (the delimiter, the newline, or `stop`)."""
    while True:
        begin = place
        inner: bytes | None = None
        if data.startswith(quote, place):
            close = data.find(quote, place + 1, stop)
            while close >= 0 and data.startswith(quote, close + 1):
                close = data.find(quote, close + 2, stop)
            inner = data[begin + 1 : close if close >= 0 else stop].replace(quote * 2, quote)
            place = close + 1 if close >= 0 else stop
        found = [at for at in (data.find(delimiter, place, stop), data.find(b"\n", place, stop)) if at >= 0]
        end = min(found, default=stop)
        yield (data[begin:end].rstrip(b"\r") if inner is None else inner + data[place:end].rstrip(b"\r")), end
        if not data.startswith(delimiter, end) or end >= stop:
            return
        place = end + 1
