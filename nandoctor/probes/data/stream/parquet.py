"""Parquet: ranges of rows to parts, typed columns to partial facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream import engine
from nandoctor.probes.data.stream.part import Part
from nandoctor.probes.data.stream.partial import Partial
from nandoctor.probes.data.stream.table import Batch, fold_table
from nandoctor.stats import Array

PART_CELLS = 2_000_000
_FLOATS = ("DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER", "BOOLEAN")


@dataclass(frozen=True)
class ParquetTable:
    """A file's columns with their DuckDB types, and its rows."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: int


def table_of(path: str) -> ParquetTable:
    """What the file's footer says; NandoctorError (exit code 3) if it is not a whole Parquet file."""
    import duckdb

    try:
        described = engine.connection().sql(f"DESCRIBE SELECT * FROM {_file(path)}").fetchall()
        counted = engine.connection().sql(f"SELECT num_rows FROM parquet_file_metadata({engine.quoted(path)})")
        rows = sum(int(row[0]) for row in counted.fetchall())
    except duckdb.Error as error:
        raise _damaged(path) from error
    return ParquetTable(tuple(str(row[0]) for row in described), tuple(str(row[1]) for row in described), rows)


def parts_of(path: str, table: ParquetTable, first_row: int, sample_rows: int) -> Iterator[Part]:
    """Ranges of rows of about two million cells."""
    step = max(1024, PART_CELLS // max(1, len(table.names)))
    for start in range(0, table.rows, step):
        end = min(start + step, table.rows)
        yield Part(path, "parquet", first_row + start, start, end, sample_rows, columns=table.names)


def fold(part: Part) -> Partial:
    """The rows of the part; NandoctorError (exit code 3) if they cannot be read."""
    import duckdb

    assert part.end is not None
    types = table_of(part.path).types
    within = f"FROM {_file(part.path)} WHERE file_row_number >= {part.start} AND file_row_number < {part.end}"
    as_numbers = ", ".join(_as_number(name, kind) for name, kind in zip(part.columns, types, strict=True))
    textual = [place for place, kind in enumerate(types) if kind not in _FLOATS]
    try:
        batches = list(engine.numbers(f"SELECT {as_numbers} {within}"))
        cast = ", ".join(f"CAST({engine.identifier(part.columns[place])} AS VARCHAR) AS t{place}" for place in textual)
        texts = dict(zip(textual, engine.texts(f"SELECT {cast} {within}"), strict=True)) if textual else {}
    except duckdb.Error as error:
        raise _damaged(part.path) from error
    values = [np.concatenate([batch[0][place] for batch in batches]) for place in range(len(types))]
    nulls = [_nulls(batches, place) for place in range(len(types))]
    rows = part.first_row + np.arange(part.end - part.start)

    def written(column: int, places: Array) -> Sequence[str | None]:
        known = texts.get(column)
        return [None] * len(places) if known is None else [known[place] for place in places.tolist()]

    table = fold_table(Batch(rows, values, nulls, None, written, lambda _: None), part.sample_rows)
    return Partial({"": table}, rows=len(rows), bytes=len(rows) * len(types) * 8)


def _nulls(batches: Sequence[tuple[list[Array], list[Array | None]]], place: int) -> Array | None:
    found = [(values[place], nulls[place]) for values, nulls in batches]
    if all(nulls is None for _, nulls in found):
        return None
    return np.concatenate([np.zeros(len(values), bool) if nulls is None else nulls for values, nulls in found])


def _as_number(name: str, kind: str) -> str:
    column = engine.identifier(name)
    # Two steps: a date or a list has no way to a number, a text may have one.
    return f"CAST({column} AS DOUBLE)" if kind in _FLOATS else f"TRY_CAST(CAST({column} AS VARCHAR) AS DOUBLE)"


def _file(path: str) -> str:
    return f"read_parquet({engine.quoted(path)})"


def _damaged(path: str) -> NandoctorError:
    return NandoctorError(f"{path}: not a whole Parquet file (truncated, damaged or another format)", UNEXAMINABLE)
