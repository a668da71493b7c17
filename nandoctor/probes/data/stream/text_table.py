"""CSV and TSV: byte ranges of the file to parts, parts to partial facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nandoctor.facts.data import MOST_CELLS, Dialect, RejectedRow
from nandoctor.probes.data.csv import cell_value
from nandoctor.probes.data.stream import engine
from nandoctor.probes.data.stream.look import Look
from nandoctor.probes.data.stream.part import Part
from nandoctor.probes.data.stream.partial import Partial
from nandoctor.probes.data.stream.records import Chunk, cells_of, chunks, rows_of_plain, well_quoted, whole_lines
from nandoctor.probes.data.stream.source import compressed, opened
from nandoctor.probes.data.stream.table import Batch, fold_table
from nandoctor.stats import Array

CHUNK_BYTES = 32 << 20
CHUNK_CELLS = 2_000_000
_TEXT_SHOWN = 80


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
    common = {"columns": columns, "dialect": seen.dialect, "sample_rows": sample_rows, "most_bytes": most}
    encoding = seen.dialect.encoding
    if compressed(path) or not encoding.startswith("utf-8"):
        yield Part(path, "csv", first_row, seen.start, None, first_line=seen.line, **common)  # type: ignore[arg-type]
        return
    start, line, row = seen.start, seen.line, first_row
    with open(path, "rb") as file:
        while data := whole_lines(file, start, min(chunk_bytes, CHUNK_BYTES)):
            rows = rows_of_plain(data, seen.dialect.quote)
            if rows is None:
                break
            end = start + len(data)
            yield Part(path, "csv", row, start, end, first_line=line, lines_are_rows=rows, data=data, **common)  # type: ignore[arg-type]
            start, line, row = end, line + rows, row + rows
        else:
            return
    for chunk in _chunks(path, seen.dialect, start=start, end=None, line=line, row=row, size=chunk_bytes, most=most):
        end = chunk.start + len(chunk.data)
        known = chunk.rows if chunk.begins is None else None
        yield Part(path, "csv", chunk.row, chunk.start, end, first_line=chunk.line, lines_are_rows=known, **common)  # type: ignore[arg-type]


def chunk_bytes_for(seen: Look) -> int:
    """About two million cells, at most 32 MB."""
    return max(1 << 16, min(CHUNK_BYTES, CHUNK_CELLS * seen.row_bytes // len(seen.names)))


def fold(part: Part) -> Partial:
    """The rows of the part."""
    assert part.dialect is not None
    if part.lines_are_rows is not None and part.end is not None:
        data = part.data
        if data is None:
            with open(part.path, "rb") as file:
                file.seek(part.start)
                data = file.read(part.end - part.start)
        if b"\n" in data or b"\r" not in data:
            return fold_chunk(
                Chunk(data, part.start, part.first_line, part.first_row, part.lines_are_rows, None, None), part
            )
    size = CHUNK_BYTES if part.end is not None else max(1 << 16, min(CHUNK_BYTES, CHUNK_CELLS * 8))
    total = Partial()
    for chunk in _chunks(
        part.path,
        part.dialect,
        start=part.start,
        end=part.end,
        line=part.first_line,
        row=part.first_row,
        size=size,
        most=part.most_bytes,
    ):
        total = total + fold_chunk(chunk, part)
    return total


def fold_chunk(chunk: Chunk, part: Part) -> Partial:
    """The rows of a chunk: by DuckDB, and one by one where it and our own count of the rows do not agree."""
    assert part.dialect is not None
    rejected: dict[int, str] = {}
    data = chunk.data
    if not _is_utf8(data):
        begins, ends = chunk.spans()
        rejected = {
            row: "not UTF-8" for row in range(chunk.rows) if not _is_utf8(data[int(begins[row]) : int(ends[row])])
        }
        pieces = [data[int(begins[row]) : int(ends[row])] for row in range(chunk.rows) if row not in rejected]
        data = b"\n".join(pieces) + b"\n"
    read = _by_duckdb(data, chunk, part, rejected)
    rows, values, nulls = read if read is not None else _one_by_one(chunk, part, rejected)
    batch = _batch(chunk, part.dialect, rows, values, nulls)
    partial = fold_table(batch, part.sample_rows) if len(rows) else None
    return Partial(
        arrays={} if partial is None else {"": partial},
        rows=chunk.rows,
        bytes=len(chunk.data),
        rejected=len(rejected),
        rejected_rows=_rejected(chunk, rejected),
    )


# Places of rows in the chunk; for each column its values, and which of them are no number.
Read = tuple[Array, list[Array], list[Array | None]]
Numbers = tuple[list[Array], list[Array | None]]


def _by_duckdb(data: bytes, chunk: Chunk, part: Part, rejected: dict[int, str]) -> Read | None:
    """Row places, values and nulls; rows that it rejects are added to `rejected`. None where its rows are not ours."""
    dialect = part.dialect
    assert dialect is not None
    if (
        chunk.begins is not None
        and dialect.quote.encode() in data
        and not well_quoted(data, dialect.delimiter, dialect.quote)
    ):
        return None
    # A search for one byte is several times faster than a count of it.
    if b"\r" in data and not data.count(b"\r") == data.count(b"\r\n") == data.count(b"\n"):
        return None
    known = np.delete(np.arange(chunk.rows), list(rejected))
    if not len(known):
        return known, [np.zeros(0) for _ in part.columns], [None for _ in part.columns]
    # Cast by the reader itself, a cell that is no number rejects its row: rarely needed, it is then read once more.
    direct = dialect.decimal == "." and b"_" not in data
    found = _queried(data, part, direct=True) if direct else None
    if found is None or any(kind == "CAST" for _, kind in found[1]):
        found = _queried(data, part, direct=False)
    if found is None:
        return None
    batches, errors = found
    if errors:
        places = _places(chunk, known, [byte for byte, _ in errors], bool(rejected))
        if places is None:
            return None
        reasons = dict(zip(places, [kind for _, kind in errors], strict=True))
    else:
        reasons = {}
    # `setdiff1d` loads numpy.ma, which takes longer than a small file.
    kept = np.setdiff1d(known, np.array(list(reasons), np.int64)) if reasons else known
    if sum(len(values[0]) for values, _ in batches) != len(kept):
        return None
    begins, ends = chunk.spans() if reasons else (None, None)
    for place, kind in reasons.items():
        assert begins is not None
        assert ends is not None
        cells = cells_of(chunk.data[int(begins[place]) : int(ends[place])], *_marks(dialect))
        wrong = len(cells) != len(part.columns)
        rejected[place] = f"{len(cells)} cells instead of {len(part.columns)}" if wrong else kind.lower()
    if not batches:
        return kept, [np.zeros(0) for _ in part.columns], [None for _ in part.columns]
    if len(batches) == 1:
        return kept, *batches[0]
    values = [np.concatenate([batch[0][place] for batch in batches]) for place in range(len(part.columns))]
    nulls = [_nulls([(batch[0][place], batch[1][place]) for batch in batches]) for place in range(len(part.columns))]
    return kept, values, nulls


def _queried(data: bytes, part: Part, *, direct: bool) -> tuple[list[Numbers], list[tuple[int, str]]] | None:
    """Batches of numbers, and the bytes and kinds of the rejected rows; None where DuckDB cannot read the text."""
    import duckdb

    assert part.dialect is not None
    selected = ", ".join(_number(f"c{place}", part.dialect, direct) for place in range(len(part.columns)))
    with engine.as_file(data) as path:
        try:
            source = _source(path, len(part.columns), part.dialect, len(data))
            batches = list(engine.numbers(f"SELECT {selected} FROM {source}"))
            refused = engine.connection().sql(
                "SELECT line_byte_position, first(error_type) FROM reject_errors GROUP BY 1"
            )
            return batches, [(int(byte) - 1, str(kind)) for byte, kind in refused.fetchall()]
        except duckdb.Error:
            return None
        finally:
            engine.connection().execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")


def _one_by_one(chunk: Chunk, part: Part, rejected: dict[int, str]) -> Read:
    """The same row by row, in Python: the slow way, which understands what DuckDB refuses."""
    assert part.dialect is not None
    begins, ends = chunk.spans()
    kept: list[int] = []
    table: list[list[float]] = []
    for place, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        if place in rejected:
            continue
        cells = cells_of(chunk.data[begin:end], *_marks(part.dialect))
        if len(cells) != len(part.columns):
            rejected[place] = f"{len(cells)} cells instead of {len(part.columns)}"
            continue
        kept.append(place)
        texts = [cell.decode("utf-8").replace(",", "." if part.dialect.decimal == "," else ",") for cell in cells]
        # Infinity cannot stand for "no number", and NaN is one: None does.
        table.append([_NO_NUMBER if not text.strip() else _value(text) for text in texts])
    values = np.array(table, np.float64).reshape(len(kept), len(part.columns))
    none = np.frombuffer(values.tobytes(), np.uint64).reshape(values.shape) == _NO_NUMBER_BITS
    return (
        np.array(kept, np.int64),
        [np.ascontiguousarray(column) for column in values.T],
        [column if column.any() else None for column in none.T],
    )


# A NaN with a payload of its own, which no text reads as.
_NO_NUMBER_BITS = np.uint64(0x7FF80000DEADBEEF)
_NO_NUMBER = float(np.array([_NO_NUMBER_BITS]).view(np.float64)[0])


def _value(text: str) -> float:
    value = cell_value(text)
    return _NO_NUMBER if value is None else value


def _batch(
    chunk: Chunk,
    dialect: Dialect,
    places: Array,
    values: Sequence[Array],
    nulls: Sequence[Array | None],
) -> Batch:
    spans: list[tuple[Array, Array]] = []
    cut: dict[int, list[bytes]] = {}

    def span(place: int) -> tuple[int, int]:
        if not spans:
            spans.append(chunk.spans())
        return int(spans[0][0][place]), int(spans[0][1][place])

    def written(column: int, at: Array) -> list[str | None]:
        found: list[str | None] = []
        for place in places[at].tolist():
            cells = cut.get(place)
            if cells is None:
                begin, end = span(place)
                cells = cut[place] = cells_of(chunk.data[begin:end], *_marks(dialect))
            found.append(cells[column].decode("utf-8", errors="replace"))
        return found

    lines = chunk.line + places
    if chunk.begins is not None:
        array = np.frombuffer(chunk.data, np.uint8)
        lines = chunk.line + np.searchsorted(np.flatnonzero(array == 10), chunk.begins[places])
    return Batch(
        rows=chunk.row + places,
        values=values,
        nulls=nulls,
        lines=lines,
        written=written,
        byte_of=lambda at: chunk.start + span(int(places[at]))[0],
        decimal=dialect.decimal,
    )


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


def _source(path: str, columns: int, dialect: Dialect, size: int) -> str:
    typed = ", ".join(f"c{place}: 'VARCHAR'" for place in range(columns))
    mark = engine.quoted(dialect.quote)
    return (
        f"read_csv({engine.quoted(path)}, auto_detect=false, header=false, columns={{{typed}}}, "
        f"delim={engine.quoted(dialect.delimiter)}, quote={mark}, escape={mark}, store_rejects=true, "
        f"max_line_size={size + 1}, buffer_size={max(size + 2, 1 << 16)})"
    )


def _number(column: str, dialect: Dialect, direct: bool) -> str:
    if direct:
        return f"TRY_CAST({column} AS DOUBLE)"
    if dialect.decimal == ",":
        odd, text = f"contains({column}, '_') OR contains({column}, '.')", f"replace({column}, ',', '.')"
    else:
        odd, text = f"contains({column}, '_')", column
    return f"CASE WHEN {odd} THEN NULL ELSE TRY_CAST({text} AS DOUBLE) END"


def _nulls(batches: Sequence[tuple[Array, Array | None]]) -> Array | None:
    if all(nulls is None for _, nulls in batches):
        return None
    return np.concatenate([np.zeros(len(values), bool) if nulls is None else nulls for values, nulls in batches])


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _marks(dialect: Dialect) -> tuple[bytes, bytes]:
    return dialect.delimiter.encode(), dialect.quote.encode()


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
