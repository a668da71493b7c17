"""Parquet: ranges of rows to parts, typed columns to partial facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream import engine
from nandoctor.probes.data.stream.look import MOST_COLUMNS
from nandoctor.probes.data.stream.part import Part
from nandoctor.probes.data.stream.partial import Partial
from nandoctor.probes.data.stream.table import EXACT, Batch, fold_table
from nandoctor.stats import Array

PART_CELLS = 2_000_000
PART_BYTES = 64 << 20
_FLOATS = ("DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER", "BOOLEAN")
# Those that a float64 does not always hold.
_WIDE = re.compile(r"U?BIGINT|U?HUGEINT|DECIMAL\(\d+,\d+\)")
_DATES = re.compile(r"DATE|TIME")
_NESTED = re.compile(r"STRUCT|MAP|UNION|VARIANT|BLOB|\]$")


@dataclass(frozen=True)
class _Column:
    """A column as it is read: its name, its DuckDB type, and the SQL of its cells."""

    name: str
    type: str
    sql: str

    @property
    def number(self) -> bool:
        return self.type in _FLOATS or self.wide

    @property
    def wide(self) -> bool:
        return _WIDE.fullmatch(self.type) is not None


@dataclass(frozen=True)
class ParquetTable:
    """A file's columns, those of lists of one length taken apart (`a[0]`, `a[1]`, ...), and its rows.

    `size` is what its columns take, not compressed; `notices` say what is not read as it stands.
    """

    names: tuple[str, ...]
    rows: int
    size: int
    notices: tuple[str, ...]


def table_of(path: str) -> ParquetTable:
    """What is in the file; NandoctorError (exit code 3) if it is not a whole Parquet file, or has too many columns."""
    import duckdb

    try:
        described = _described(path)
        (rows,) = _row(f"SELECT sum(num_rows) FROM parquet_file_metadata({_quoted(path)})")
        (size,) = _row(f"SELECT sum(total_uncompressed_size) FROM parquet_metadata({_quoted(path)})")
        names: list[str] = []
        notices: list[str] = []
        for name, kind in described:
            length = _length(path, name) if _is_list(kind) else None
            if length is not None:
                names += [f"{name}[{place}]" for place in range(length)]
                notices.append(f"{path}: column {name} holds lists of {length:,} numbers, a column each.")
            elif _NESTED.search(kind):
                notices.append(f"{path}: column {name} of {_short(kind)} is no cell of numbers or text; not examined.")
            else:
                names.append(name)
                if _DATES.match(kind):
                    notices.append(f"{path}: column {name} holds dates or times ({kind}), read as their texts.")
            if len(names) > MOST_COLUMNS:
                break
    except duckdb.Error as error:
        raise _damaged(path) from error
    if max(len(names), len(described)) > MOST_COLUMNS:
        raise NandoctorError(
            f"{path}: more than {MOST_COLUMNS:,} columns; save the numbers as .npy, which has no such limit",
            UNEXAMINABLE,
        )
    if not names:
        raise NandoctorError(f"{path}: no column of numbers or texts in it ({notices[0]})", UNEXAMINABLE)
    return ParquetTable(tuple(names), int(rows or 0), int(size or 0), tuple(notices))


def parts_of(path: str, table: ParquetTable, first_row: int, sample_rows: int) -> Iterator[Part]:
    """Ranges of rows of about two million cells, fewer where these are long."""
    by_size = PART_BYTES * table.rows // max(1, table.size)
    step = max(1024, min(PART_CELLS // max(1, len(table.names)), by_size))
    for start in range(0, table.rows, step):
        end = min(start + step, table.rows)
        yield Part(path, "parquet", first_row + start, start, end, sample_rows, columns=table.names)


def fold(part: Part) -> Partial:
    """The rows of the part; NandoctorError (exit code 3) if they cannot be read."""
    import duckdb

    assert part.end is not None
    within = f"FROM {_file(part.path)} WHERE file_row_number >= {part.start} AND file_row_number < {part.end}"

    def texts_of(columns: Sequence[_Column]) -> list[list[str | None]]:
        cast = ", ".join(f"CAST({column.sql} AS VARCHAR) AS t{place}" for place, column in enumerate(columns))
        return engine.texts(f"SELECT {cast} {within}") if columns else []

    try:
        columns = _columns(_described(part.path), part.columns)
        batches = list(engine.numbers(f"SELECT {', '.join(map(_as_number, columns))} {within}"))
        textual = [place for place, column in enumerate(columns) if not column.number]
        texts = dict(zip(textual, texts_of([columns[place] for place in textual]), strict=True))
    except duckdb.Error as error:
        raise _damaged(part.path) from error
    values = [np.concatenate([batch[0][place] for batch in batches]) for place in range(len(columns))]
    nulls = [_nulls(batches, place) for place in range(len(columns))]
    rows = part.first_row + np.arange(part.end - part.start)

    def written(column: int, places: Array) -> Sequence[str | None]:
        # The digits of a whole number matter only where a float64 may not hold them.
        if columns[column].wide and column not in texts and (np.abs(values[column][places]) >= EXACT).any():
            (texts[column],) = texts_of([columns[column]])
        known = texts.get(column)
        return [None] * len(places) if known is None else [known[place] for place in places.tolist()]

    table = fold_table(Batch(rows, values, nulls, None, written, lambda _: None), part.sample_rows)
    return Partial({"": table}, rows=len(rows), bytes=len(rows) * len(columns) * 8)


def _described(path: str) -> list[tuple[str, str]]:
    """The names and DuckDB types of the columns that are in the file."""
    found = engine.connection().sql(f"DESCRIBE SELECT * FROM {_file(path)}").fetchall()
    return [(str(row[0]), str(row[1])) for row in found]


def _columns(described: Sequence[tuple[str, str]], names: Sequence[str]) -> list[_Column]:
    """The columns of these names, in this order."""
    types = dict(described)
    found = []
    for name in names:
        if name in types:
            found.append(_Column(name, types[name], engine.identifier(name)))
            continue
        of, _, place = name[:-1].rpartition("[")
        found.append(_Column(name, types[of].removesuffix("[]"), f"{engine.identifier(of)}[{int(place) + 1}]"))
    return found


def _length(path: str, name: str) -> int | None:
    """How many elements every list of a column has; None where that differs, or there are none."""
    column = engine.identifier(name)
    shortest, longest = _row(f"SELECT min(len({column})), max(len({column})) FROM {_file(path)}")
    return int(longest) if longest and shortest == longest else None


def _is_list(kind: str) -> bool:
    """Whether the type is a list of numbers (of one level)."""
    element = kind.removesuffix("[]")
    return element != kind and (element in _FLOATS or _WIDE.fullmatch(element) is not None)


def _row(sql: str) -> tuple[Any, ...]:
    (found,) = engine.connection().sql(sql).fetchall()
    return tuple(found)


def _nulls(batches: Sequence[tuple[list[Array], list[Array | None]]], place: int) -> Array | None:
    found = [(values[place], nulls[place]) for values, nulls in batches]
    if all(nulls is None for _, nulls in found):
        return None
    return np.concatenate([np.zeros(len(values), bool) if nulls is None else nulls for values, nulls in found])


def _as_number(column: _Column) -> str:
    # Two steps: a date has no way to a number, a text may have one.
    return f"CAST({column.sql} AS DOUBLE)" if column.number else f"TRY_CAST(CAST({column.sql} AS VARCHAR) AS DOUBLE)"


def _file(path: str) -> str:
    return f"read_parquet({_quoted(path)})"


def _quoted(path: str) -> str:
    """The path as SQL writes it, such that DuckDB takes it for no pattern."""
    return engine.quoted(re.sub(r"([*?\[])", r"[\1]", path))


def _short(kind: str) -> str:
    return kind if len(kind) <= 40 else f"{kind[:37]}..."


def _damaged(path: str) -> NandoctorError:
    return NandoctorError(f"{path}: not a whole Parquet file (truncated, damaged or another format)", UNEXAMINABLE)
