"""Our own look at the beginning of a text table: its dialect, its names, and what is unusual about them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts.data import Dialect
from nandoctor.probes.data.csv import cell_value
from nandoctor.probes.data.stream.records import LONGEST_ROW, cells_of, chunk_of
from nandoctor.probes.data.stream.source import encoding_of, opened
from nandoctor.wording import listing

HEAD = 64 << 10
DELIMITERS = (",", ";", "\t", "|")
# DuckDB takes 4 s to plan 10,000 columns and 28 s for 30,000 (measured).
MOST_COLUMNS = 10_000
_DECIMAL_COMMA = re.compile(rb"[+-]?\d+,\d+([eE][+-]?\d+)?")
_DECIMAL_POINT = re.compile(rb"[+-]?\d*\.\d+([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Look:
    """What the first 64 KB of a text table show.

    `start` is the byte at which the data rows begin and `line` their first line; `row_bytes` the mean length of a row;
    `textual` are the places of the columns that hold texts.
    """

    dialect: Dialect
    names: tuple[str, ...]
    start: int
    line: int
    row_bytes: int
    notices: tuple[str, ...]
    textual: tuple[int, ...] = ()


def look(path: str, most_bytes: int | None = None) -> Look:
    """What is at the beginning of the file; NandoctorError (exit code 3) where there is no table."""
    with opened(path, most_bytes=most_bytes) as file:
        raw = file.read(HEAD)
    if not raw:
        raise NandoctorError(f"{path}: the file is empty", UNEXAMINABLE)
    encoding, mark = encoding_of(raw)
    own = mark if encoding.startswith("utf-8") else 0
    with opened(path, encoding, own, most_bytes) as file:
        head = _first_rows(file.read(HEAD), path, file)
    notices = [f"{path}: begins with a byte order mark."] if mark else []
    if not encoding.startswith("utf-8"):
        notices.append(f"{path}: the text is {encoding.upper()}; bytes are counted in its UTF-8 form.")
    if b"\x00" in head:
        raise NandoctorError(f"{path}: holds zero bytes; this is no text table", UNEXAMINABLE)
    if b"\r" in head and b"\n" not in head:
        notices.append(f"{path}: lines end with a carriage return alone.")
        head = head.replace(b"\r", b"\n")
    delimiter = _delimiter(head, path)
    found = chunk_of(head, '"', delimiter)
    begins, ends = found.spans()
    table = [cells_of(head[a:b], delimiter.encode(), b'"') for a, b in zip(begins, ends, strict=True)]
    if not table:
        raise NandoctorError(f"{path}: nothing but blank lines", UNEXAMINABLE)
    if len(table[0]) > MOST_COLUMNS:
        raise NandoctorError(
            f"{path}: {len(table[0]):,} columns; a text table is read up to {MOST_COLUMNS:,}. "
            "Save it as .npy, which has no such limit",
            UNEXAMINABLE,
        )
    first = [_text(cell).strip() for cell in table[0]]
    header = not _looks_like_a_row(first) and not _belongs_to(first, table[1:])
    names, naming = _names(path, first) if header else (tuple(map(str, range(len(first)))), ())
    if not header:
        naming = (f"{path}: line 1 holds values, no names; columns are named by their place from 0.",)
    decimal = _decimal(table[1:] if header else table, delimiter)
    if decimal == ",":
        notices.append(f"{path}: numbers are written with a decimal comma.")
    skipped = int(begins[1] if len(begins) > 1 else len(head)) if header else int(begins[0])
    dialect = Dialect(delimiter, '"', header, encoding, decimal)
    return Look(
        dialect,
        names,
        skipped + own,
        1 + head.count(b"\n", 0, skipped),
        max(1, len(head) // len(table)),
        (*notices, *naming),
        _textual(table[1:] if header else table, len(names)),
    )


def _first_rows(head: bytes, path: str, file: IO[bytes]) -> bytes:
    """The head, read on up to the end of its first line where that is longer."""
    pieces = [head]
    size = len(head)
    while b"\n" not in pieces[-1] and b"\r" not in pieces[-1]:
        piece = file.read(1 << 20)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
        if size > LONGEST_ROW:
            raise NandoctorError(
                f"{path}, line 1: a row of more than {LONGEST_ROW >> 20} MB; this is no table", UNEXAMINABLE
            )
    else:
        if size < HEAD:
            pieces.append(file.read(HEAD - size))
    whole = b"".join(pieces)
    # The last line of a full head is cut off in the middle.
    return whole[: whole.rindex(b"\n") + 1] if len(whole) >= HEAD and b"\n" in whole else whole


def _delimiter(head: bytes, path: str) -> str:
    """The one that cuts most rows into the same number of cells, the more cells the better; a comma where none does."""
    if path.lower().removesuffix(".gz").removesuffix(".zst").endswith(".tsv"):
        return "\t"
    scores: dict[str, tuple[float, int]] = {}
    for delimiter in DELIMITERS:
        begins, ends = chunk_of(head, '"', delimiter).spans()
        rows = [head[a:b] for a, b in zip(begins[:200], ends[:200], strict=True)]
        widths = [len(cells_of(row, delimiter.encode(), b'"')) for row in rows]
        if not widths or widths[0] < 2:
            continue
        scores[delimiter] = (round(widths.count(widths[0]) / len(widths), 1), widths[0])
    return max(scores, key=lambda one: scores[one], default=",")


def _decimal(table: Sequence[Sequence[bytes]], delimiter: str) -> str:
    cells = [cell.strip() for row in table[:200] for cell in row]
    commas = sum(_DECIMAL_COMMA.fullmatch(cell) is not None for cell in cells)
    points = sum(_DECIMAL_POINT.fullmatch(cell) is not None for cell in cells)
    return "," if commas > points and (delimiter != "," or commas > len(cells) // 2) else "."


def _textual(table: Sequence[Sequence[bytes]], columns: int) -> tuple[int, ...]:
    rows = [row for row in table if len(row) == columns]
    return tuple(at for at in range(columns) if any(cell_value(_text(row[at])) is None for row in rows))


def _looks_like_a_row(names: Sequence[str]) -> bool:
    """Whether all names are numbers, other than the 0, 1, 2, ... that pandas gives to unnamed columns."""
    numbered = [str(place) for place in range(len(names))]
    values = [cell_value(name.replace(",", ".")) for name in names]
    return names != numbered and any(names) and all(value is not None for value in values)


def _belongs_to(first: Sequence[str], rows: Sequence[Sequence[bytes]]) -> bool:
    """Whether a first line with texts is a row nevertheless: its numbers are like those below them.

    At least half of its cells are numbers, most of which lie between the least and the greatest number below. Names
    such as 2001, 2002, 2003, one step apart, are none.
    """
    values = {place: value for place, text in enumerate(first) if (value := _finite(text)) is not None}
    steps = np.diff(list(values.values()))
    if len(values) < 2 or 2 * len(values) < len(first) or np.ptp(steps) <= 1e-9 * np.abs(steps).max():
        return False
    inside = 0
    for place, value in values.items():
        below = [number for row in rows if place < len(row) and (number := _finite(_text(row[place]))) is not None]
        inside += bool(below) and min(below) <= value <= max(below)
    return 2 * inside > len(values)


def _finite(text: str) -> float | None:
    value = cell_value(text.replace(",", "."))
    return value if value is not None and math.isfinite(value) else None


def _names(path: str, first: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names, each once, and sentences about what had to be changed."""
    notices = []
    nameless = [place for place, name in enumerate(first, start=1) if not name]
    if nameless:
        notices.append(f"{path}: no name in the header for column {listing(nameless)} (counted from 1).")
    counts = Counter(name for name in first if name)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        notices.append(f"{path}: several columns are named {listing(repeated)}; the later ones got a number.")
    seen: Counter[str] = Counter()
    names: dict[str, None] = {}
    for place, name in enumerate(first, start=1):
        plain = name or f"unnamed column {place}"
        seen[plain] += 1
        unique = plain
        while unique in names or (seen[plain] > 1 and unique == plain):
            unique = f"{plain} ({seen[plain]})"
            seen[plain] += unique in names
        names[unique] = None
    return tuple(names), tuple(notices)


def _text(cell: bytes) -> str:
    return cell.decode("utf-8", errors="replace")
