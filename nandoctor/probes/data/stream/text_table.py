"""CSV and TSV: byte ranges of the file to parts, parts to partial facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from nandoctor.facts.data import MOST_CELLS, Dialect, RejectedRow
from nandoctor.probes.data.stream import engine
from nandoctor.probes.data.stream.look import Look
from nandoctor.probes.data.stream.part import Part
from nandoctor.probes.data.stream.partial import Partial
from nandoctor.probes.data.stream.plain import LONGEST_LINE, grouped_digits, is_utf8, runs
from nandoctor.probes.data.stream.records import Chunk, cells_of, chunks, well_quoted
from nandoctor.probes.data.stream.row_by_row import read_rows
from nandoctor.probes.data.stream.source import compressed, opened
from nandoctor.probes.data.stream.table import Batch, fold_table
from nandoctor.probes.data.stream.text_query import Cells, read_cells
from nandoctor.stats import Array

CHUNK_BYTES = 32 << 20
# Each column of a part costs as much as thousands of its cells (measured): parts have as many rows as memory allows.
PART_BYTES = 64 << 20
PART_CELLS = 6_000_000
PART_ROWS = 16_384
_TEXT_SHOWN = 80

# Read one by one before DuckDB has been loaded.
SMALL_BYTES = 1 << 16


def parts_of(
    path: str,
    seen: Look,
    columns: tuple[str, ...],
    *,
    first_row: int,
    sample_rows: int,
    chunk_bytes: int,
    most: int | None,
) -> Iterator[Part]:
    """Parts of about `chunk_bytes`, cut at the ends of rows; one part where the bytes are not those of the text."""
    every = tuple(range(len(columns)))
    textual = seen.textual if seen.dialect.decimal == "." else every
    whole = Part(
        path,
        "csv",
        first_row,
        seen.start,
        None,
        sample_rows,
        columns=columns,
        first_line=seen.line,
        textual=textual,
        dialect=seen.dialect,
        most_bytes=most,
    )
    if compressed(path) or not seen.dialect.encoding.startswith("utf-8"):
        yield whole
        return
    start, line, row = seen.start, seen.line, first_row
    with open(path, "rb") as file:
        for run in runs(file, start, chunk_bytes, seen.dialect.quote):
            yield replace(
                whole,
                first_row=row,
                start=start,
                end=run.end,
                first_line=line,
                lines_are_rows=run.rows,
                textual=every if run.grouped else textual,
            )
            start, line, row = run.end, line + run.rows, row + run.rows
        file.seek(start)
        if not file.read(1):
            return
    size = min(chunk_bytes, CHUNK_BYTES)
    for chunk in _chunks(path, seen.dialect, start=start, end=None, line=line, row=row, size=size, most=most):
        end = chunk.start + len(chunk.data)
        yield replace(whole, first_row=chunk.row, start=chunk.start, end=end, first_line=chunk.line)


def part_bytes(seen: Look) -> int:
    """About six million cells or 16,384 rows, whichever is more, at most 64 MB of the one and 128 MB of the other."""
    cells = min(PART_BYTES, PART_CELLS * seen.row_bytes // len(seen.names))
    return max(1 << 16, cells, min(2 * PART_BYTES, PART_ROWS * seen.row_bytes))


def fold(part: Part) -> Partial:
    """The rows of the part."""
    assert part.dialect is not None
    if part.lines_are_rows is not None and not _small(part):
        found = _fold_lines(part)
        if found is not None:
            return found
    total = Partial()
    for chunk in _chunks(
        part.path,
        part.dialect,
        start=part.start,
        end=part.end,
        line=part.first_line,
        row=part.first_row,
        size=CHUNK_BYTES,
        most=part.most_bytes,
    ):
        total = total + fold_chunk(chunk, part)
    return total


def _small(part: Part) -> bool:
    return part.end is not None and part.end - part.start <= SMALL_BYTES


def _fold_lines(part: Part) -> Partial | None:
    """The rows of a part whose lines are its rows, without a look at its bytes; None where DuckDB refuses some."""
    assert part.dialect is not None
    assert part.end is not None
    assert part.lines_are_rows is not None
    with engine.range_as_file(part.path, part.start, part.end) as path:
        cells = read_cells(path, LONGEST_LINE, len(part.columns), part.dialect, part.textual)
    if cells is None or cells.refused or cells.rows != part.lines_are_rows:
        return None

    @cache
    def chunk() -> Chunk:
        assert part.end is not None
        with open(part.path, "rb") as file:
            file.seek(part.start)
            data = file.read(part.end - part.start)
        return Chunk(data, part.start, part.first_line, part.first_row, cells.rows, None, None)

    rows = np.arange(cells.rows)
    batch = _batch(chunk, part.dialect, rows, cells, rows=part.first_row + rows, lines=part.first_line + rows)
    table = fold_table(batch, part.sample_rows)
    return Partial({"": table}, rows=cells.rows, bytes=part.end - part.start)


def fold_chunk(chunk: Chunk, part: Part) -> Partial:
    """The rows of a chunk: by DuckDB, and one by one where there are few, or it and our own count do not agree."""
    assert part.dialect is not None
    rejected: dict[int, str] = {}
    data = chunk.data
    if not is_utf8(data):
        begins, ends = chunk.spans()
        rejected = {
            row: "not UTF-8" for row in range(chunk.rows) if not is_utf8(data[int(begins[row]) : int(ends[row])])
        }
        pieces = [data[int(begins[row]) : int(ends[row])] for row in range(chunk.rows) if row not in rejected]
        data = b"\n".join(pieces) + b"\n"
    read = None if _small(part) else _by_duckdb(data, chunk, part, rejected)
    places, cells = read or read_rows(chunk, part.dialect, len(part.columns), rejected)
    partial = None
    if len(places):
        lines = chunk.line + places
        if chunk.begins is not None:
            newlines = np.flatnonzero(np.frombuffer(chunk.data, np.uint8) == ord("\n"))
            lines = chunk.line + np.searchsorted(newlines, chunk.begins[places])
        batch = _batch(lambda: chunk, part.dialect, places, cells, rows=chunk.row + places, lines=lines)
        partial = fold_table(batch, part.sample_rows)
    return Partial(
        arrays={} if partial is None else {"": partial},
        rows=chunk.rows,
        bytes=len(chunk.data),
        rejected=len(rejected),
        rejected_rows=_rejected(chunk, rejected),
    )


def _by_duckdb(data: bytes, chunk: Chunk, part: Part, rejected: dict[int, str]) -> tuple[Array, Cells] | None:
    """The places of the rows in the chunk and their cells; rows that it refuses are added to `rejected`. None where its
    rows are not ours.
    """
    dialect = part.dialect
    assert dialect is not None
    if (
        chunk.begins is not None
        and dialect.quote.encode() in data
        and not well_quoted(data, dialect.delimiter, dialect.quote)
    ):
        return None
    if b"\r" in data and not data.count(b"\r") == data.count(b"\r\n") == data.count(b"\n"):
        return None
    known = np.delete(np.arange(chunk.rows), list(rejected))
    columns = len(part.columns)
    if not len(known):
        return known, Cells([np.zeros(0)] * columns, [None] * columns, {}, {})
    with engine.as_file(data) as path:
        textual = range(columns) if grouped_digits(data, len(data)) else part.textual
        cells = read_cells(path, len(data), columns, dialect, textual)
    if cells is None:
        return None
    reasons: dict[int, str] = {}
    if cells.refused:
        places = _places(chunk, known, list(cells.refused), bool(rejected))
        if places is None:
            return None
        reasons = dict(zip(places, cells.refused.values(), strict=True))
    kept = np.setdiff1d(known, np.array(list(reasons), np.int64))
    if cells.rows != len(kept):
        return None
    spans = chunk.spans() if reasons else None
    for place, kind in reasons.items():
        assert spans is not None
        width = len(_cut(chunk.data, spans, place, dialect))
        rejected[place] = f"{width} cells instead of {columns}" if width != columns else kind.lower()
    return kept, cells


def _batch(
    chunk: Callable[[], Chunk], dialect: Dialect, places: Array, cells: Cells, *, rows: Array, lines: Array
) -> Batch:
    """The rows at these places of a chunk, which is asked for only where a cell is cut out of its bytes."""
    spans = cache(lambda: chunk().spans())
    cut: dict[int, list[bytes]] = {}

    def written(column: int, at: Array) -> Sequence[str | None]:
        if column in cells.texts and (nulls := cells.nulls[column]) is not None and nulls[at].all():
            return [text or "" for text in cells.texts[column].at(at)]
        for place in places[at].tolist():
            if place not in cut:
                cut[place] = _cut(chunk().data, spans(), place, dialect)
        return [cut[place][column].decode("utf-8", errors="replace") for place in places[at].tolist()]

    return Batch(
        rows=rows,
        values=cells.values,
        nulls=cells.nulls,
        lines=lines,
        written=written,
        byte_of=lambda at: chunk().start + int(spans()[0][places[at]]),
        decimal=dialect.decimal,
        untyped=cells.texts,
    )


def _cut(data: bytes, spans: tuple[Array, Array], place: int, dialect: Dialect) -> list[bytes]:
    """The cells of one row of a chunk."""
    begin, end = int(spans[0][place]), int(spans[1][place])
    return cells_of(data[begin:end], dialect.delimiter.encode(), dialect.quote.encode())


def _rejected(chunk: Chunk, rejected: dict[int, str]) -> tuple[RejectedRow, ...]:
    if not rejected:
        return ()
    begins, ends = chunk.spans()
    found = []
    for place in sorted(rejected)[:MOST_CELLS]:
        begin, end = int(begins[place]), int(ends[place])
        line = chunk.line + chunk.data.count(b"\n", 0, begin)
        text = chunk.data[begin : min(end, begin + _TEXT_SHOWN)].decode("utf-8", errors="replace")
        found.append(RejectedRow(chunk.row + place, line, chunk.start + begin, rejected[place], text))
    return tuple(found)


def _places(chunk: Chunk, known: Array, refused: Sequence[int], shortened: bool) -> list[int] | None:
    """The places in the chunk of the rows that begin at these bytes of what was read; None where none begins there."""
    begins, ends = chunk.spans()
    if shortened:
        lengths = (ends - begins)[known] + 1
        begins = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    at = np.searchsorted(begins, refused)
    if (at >= len(begins)).any() or (begins[np.minimum(at, len(begins) - 1)] != refused).any():
        return None
    return [int(known[place]) for place in at] if shortened else [int(place) for place in at]


def _chunks(
    path: str,
    dialect: Dialect,
    *,
    start: int,
    end: int | None,
    line: int,
    row: int,
    size: int,
    most: int | None,
) -> Iterator[Chunk]:
    with opened(path, dialect.encoding, start, most) as file:
        yield from chunks(file, path, size, dialect.quote, dialect.delimiter, start=start, line=line, row=row, end=end)
