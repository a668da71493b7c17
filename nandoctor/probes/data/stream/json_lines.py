"""JSON lines: byte ranges to parts, objects to rows; a key is a column."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts.data import MOST_CELLS, RejectedRow
from nandoctor.probes.data.stream import engine
from nandoctor.probes.data.stream.look import MOST_COLUMNS
from nandoctor.probes.data.stream.part import Part
from nandoctor.probes.data.stream.partial import Partial
from nandoctor.probes.data.stream.records import Chunk, chunks
from nandoctor.probes.data.stream.source import compressed, opened
from nandoctor.probes.data.stream.table import Batch, fold_table
from nandoctor.stats import Array

CHUNK_BYTES = 16 << 20


def columns_of(path: str, most_bytes: int | None) -> tuple[str, ...]:
    """Every key of every object, in order of appearance; one pass over the file.

    NandoctorError (exit code 3) where there are no objects.
    """
    import duckdb

    found: dict[str, None] = {}
    for chunk in _chunks(path, 0, None, 1, 0, most=most_bytes):
        with engine.as_file(chunk.data) as file:
            sql = f"SELECT DISTINCT json_keys(json) FROM {_objects(file, chunk)} WHERE json_type(json) = 'OBJECT'"
            try:
                keys = engine.connection().sql(sql).fetchall()
            except duckdb.Error as error:
                raise NandoctorError(f"{path}: cannot be read as JSON lines ({_first_line(error)})") from error
        for (row,) in sorted(keys, key=lambda one: (-len(one[0]), one[0])):
            found.update(dict.fromkeys(row))
        if len(found) > MOST_COLUMNS:
            raise NandoctorError(
                f"{path}: {len(found):,} different keys; objects are read with up to {MOST_COLUMNS:,} as columns. "
                "Save the numbers as .npy, which has no such limit",
                UNEXAMINABLE,
            )
    if not found:
        raise NandoctorError(f"{path}: no JSON objects in it; write one object a line", UNEXAMINABLE)
    return tuple(found)


def parts_of(
    path: str, columns: tuple[str, ...], first_row: int, sample_rows: int, most_bytes: int | None
) -> Iterator[Part]:
    """Parts of about 16 MB; one part of a compressed file."""
    if compressed(path):
        yield Part(path, "jsonl", first_row, 0, None, sample_rows, columns=columns, most_bytes=most_bytes)
        return
    for chunk in _chunks(path, 0, None, 1, first_row, most=most_bytes):
        end = chunk.start + len(chunk.data)
        yield Part(path, "jsonl", chunk.row, chunk.start, end, sample_rows, columns=columns, first_line=chunk.line)


def fold(part: Part) -> Partial:
    """The rows of the part."""
    total = Partial()
    for chunk in _chunks(part.path, part.start, part.end, part.first_line, part.first_row, most=part.most_bytes):
        total = total + _fold_chunk(chunk, part)
    return total


def _fold_chunk(chunk: Chunk, part: Part) -> Partial:
    import duckdb

    taken, names = _cells(part.columns)
    cells = ", ".join(map(_number, names))
    with engine.as_file(chunk.data) as file:
        source = f"(SELECT json, {taken} AS t FROM {_objects(file, chunk)})"
        is_object = "CASE WHEN json_type(json) = 'OBJECT' THEN 1 ELSE 0 END"
        try:
            batches = list(engine.numbers(f"SELECT CAST({is_object} AS DOUBLE), {cells} FROM {source}"))
        except duckdb.Error as error:
            raise NandoctorError(f"{part.path}: cannot be read as JSON lines ({_first_line(error)})") from error
    begins, ends = chunk.spans()
    objects = np.concatenate([values[0] for values, _ in batches]) if batches else np.zeros(0)
    if len(objects) != chunk.rows:
        raise NandoctorError(f"{part.path}: objects do not stand one on each line; write one object a line")
    places = np.flatnonzero(objects == 1.0)
    values = [np.concatenate([batch[0][at] for batch in batches])[places] for at in range(1, len(part.columns) + 1)]
    nulls = [_nulls(batches, at, places) for at in range(1, len(part.columns) + 1)]
    parsed: dict[int, dict[str, object]] = {}
    newlines = None if chunk.begins is None else np.flatnonzero(np.frombuffer(chunk.data, np.uint8) == 10)

    def written(column: int, at: Array) -> list[str | None]:
        found: list[str | None] = []
        for place in places[at].tolist():
            if place not in parsed:
                # Numbers stay as they are written: text of 1e400 is not that of Infinity.
                record = chunk.data[int(begins[place]) : int(ends[place])]
                parsed[place] = json.loads(record, parse_float=str, parse_int=str, parse_constant=str)
            found.append(_text(parsed[place].get(part.columns[column])))
        return found

    batch = Batch(
        rows=chunk.row + places,
        values=values,
        nulls=nulls,
        lines=chunk.line + (places if newlines is None else np.searchsorted(newlines, begins[places])),
        written=written,
        byte_of=lambda at: chunk.start + int(begins[places[at]]),
    )
    refused = np.flatnonzero(objects != 1.0)
    table = fold_table(batch, part.sample_rows) if len(places) else None
    return Partial(
        arrays={} if table is None else {"": table},
        rows=chunk.rows,
        bytes=len(chunk.data),
        rejected=len(refused),
        rejected_rows=tuple(_rejected(chunk, int(place)) for place in refused[:MOST_CELLS]),
    )


def _cells(columns: Sequence[str]) -> tuple[str, list[str]]:
    """SQL that takes the values of these keys out of an object, as texts, and for each key that of its text in it."""
    if "" not in columns and len({name.lower() for name in columns}) == len(columns):
        structure = engine.quoted(json.dumps(dict.fromkeys(columns, "VARCHAR")))
        return f"json_transform(json, {structure})", [f"t.{engine.identifier(name)}" for name in columns]
    # Slower, but DuckDB's structures know neither capitals nor a name that is empty.
    paths = ", ".join(engine.quoted("/" + name.replace("~", "~0").replace("/", "~1")) for name in columns)
    return f"json_extract_string(json, [{paths}])", [f"t[{place}]" for place in range(1, len(columns) + 1)]


def _rejected(chunk: Chunk, place: int) -> RejectedRow:
    begins, ends = chunk.spans()
    begin, end = int(begins[place]), int(ends[place])
    line = chunk.line + chunk.data.count(b"\n", 0, begin)
    text = chunk.data[begin : min(end, begin + 80)].decode("utf-8", errors="replace")
    return RejectedRow(chunk.row + place, line, chunk.start + begin, "not a JSON object", text)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _number(cell: str) -> str:
    return (
        f"CASE WHEN {cell} = 'true' THEN CAST(1 AS DOUBLE) WHEN {cell} = 'false' THEN CAST(0 AS DOUBLE) "
        f"WHEN contains({cell}, '_') THEN NULL ELSE TRY_CAST({cell} AS DOUBLE) END"
    )


def _nulls(batches: list[tuple[list[Array], list[Array | None]]], at: int, places: Array) -> Array | None:
    found = np.concatenate(
        [np.zeros(len(values[at]), bool) if (none := nulls[at]) is None else none for values, nulls in batches]
    )[places]
    return found if found.any() else None


def _objects(file: str, chunk: Chunk) -> str:
    size = max(len(chunk.data) + 1, 1 << 16)
    return (
        f"read_json_objects({engine.quoted(file)}, format='newline_delimited', ignore_errors=true, "
        f"maximum_object_size={size})"
    )


def _chunks(path: str, start: int, end: int | None, line: int, row: int, *, most: int | None) -> Iterator[Chunk]:
    with opened(path, "utf-8", start, most) as file:
        yield from chunks(file, path, CHUNK_BYTES, "", "", start=start, line=line, row=row, end=end)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
