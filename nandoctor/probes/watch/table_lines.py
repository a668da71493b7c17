"""The lines of text tables that rows of the data came from: of rows that a pipeline counts, else found by content."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from nandoctor.facts import ArrayFacts, Cell, ColumnFacts, DataFacts
from nandoctor.probes.watch.given import Given, GivenData
from nandoctor.stats import Array

MOST_BYTES = 1 << 24
MOST_COLUMNS = 64
# Fewer values may stand in a table by chance.
FEWEST_VALUES = 8
Line = tuple[int, str, int]
Layout = Literal["lines", "records", "records below a header"]


@dataclass(frozen=True)
class Table:
    """A text table: each row's cells and the number of its first line; `names` of the columns where it has a header."""

    file: str
    lines: tuple[int, ...]
    cells: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]

    def numbers(self, column: int) -> Array:
        """A column as float32, NaN where there is no number."""
        return np.array([_number(row[column]) if column < len(row) else np.nan for row in self.cells], np.float32)


def lines_by_count(files: Sequence[str], rows: Sequence[int], layout: Layout) -> tuple[Line, ...]:
    """The lines (row, file, line) of rows that were counted through the files."""
    wanted, found, count = set(rows), list[Line](), 0
    for file in files:
        if not _is_readable(Path(file)):
            return ()
        for line in _first_lines(Path(file), layout):
            if count in wanted:
                found.append((count, file, line))
            count += 1
            if len(found) == len(wanted):
                return tuple(found)
    return tuple(found)


def _first_lines(file: Path, layout: Layout) -> Iterator[int]:
    """The lines (from 1) that the rows of a file begin at."""
    if layout == "lines":
        with file.open("rb") as lines:
            yield from (number for number, _ in enumerate(lines, start=1))
    else:
        records = _records(file, ",")
        yield from (line for line, _ in islice(records, 1 if layout == "records below a header" else 0, None))


def with_table_lines(facts: DataFacts, given: GivenData, files: Sequence[Path]) -> DataFacts:
    """The facts with the lines of the batch's rows, and of bad cells, in the first of the files that holds them all.

    `given` are the arrays whose rows the facts count. A column was read from a column of the file where all values
    looked at stand in that one and in no other (or in the one of its name); a row is told where a single line of the
    file has its values in all such columns.
    """
    arrays = () if facts.only_batch else facts.arrays
    cells = [cell for array in arrays for column in array.columns for cell in column.bad]
    rows = sorted({*(row for row in facts.batch_rows if row is not None), *(cell.row for cell in cells)})
    for file in files if rows else ():
        table = read_table(file)
        if table is None:
            continue
        columns = _columns_of(given, rows, table)
        lines = _rows_found(given, rows, table, columns) if columns else {}
        if lines:
            known = tuple((row, table.file, table.lines[place]) for row, place in lines.items())
            told = tuple(_with_lines(array, table, lines, columns) for array in arrays)
            return replace(facts, arrays=told or facts.arrays, lines=known)
    return facts


def read_table(file: Path) -> Table | None:
    """The table in a text file of at most 16 MiB, None where there is none."""
    if not _is_readable(file) or file.stat().st_size > MOST_BYTES:
        return None
    try:
        with file.open(encoding="utf-8-sig") as text:
            delimiter = max(",;\t|", key=text.readline().count)
        records = list(_records(file, delimiter))
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    if not records:
        return None
    first = records[0][1]
    header = not any(np.isfinite(_number(cell)) for cell in first)
    body = records[1:] if header else records
    return Table(str(file), tuple(line for line, _ in body), tuple(row for _, row in body), first if header else ())


def _is_readable(file: Path) -> bool:
    return file.is_file() and file.suffix.lower() not in (".gz", ".bz2", ".zip", ".xz", ".zst")


def _records(file: Path, delimiter: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The records with the line (from 1) that each begins at; blank lines are none."""
    with file.open(encoding="utf-8-sig", newline="") as text:
        reader, line = csv.reader(text, delimiter=delimiter), 1
        for row in reader:
            if row:
                yield line, tuple(row)
            line = reader.line_num + 1


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _columns_of(given: GivenData, rows: Sequence[int], table: Table) -> dict[tuple[str, int], int]:
    """The column of the table that each column (array, place) of the data was read from, as far as that is certain."""
    width = max(map(len, table.cells), default=0)
    if not 0 < width <= MOST_COLUMNS:
        return {}
    numbers = [table.numbers(column) for column in range(width)]
    found: dict[tuple[str, int], int] = {}
    for one in (*given.inputs, *given.labels):
        for place, values in enumerate(_flat(one, rows)):
            finite = values[np.isfinite(values)]
            holding = [column for column, known in enumerate(numbers) if len(finite) and np.isin(finite, known).all()]
            name = one.columns[place] if place < len(one.columns) else None
            named = [column for column in holding if column < len(table.names) and table.names[column] == name]
            if len(named or holding) == 1:
                found[one.name, place] = (named or holding)[0]
    return found


def _rows_found(
    given: GivenData, rows: Sequence[int], table: Table, columns: dict[tuple[str, int], int]
) -> dict[int, int]:
    """The place in the table of each of the rows that is there once.

    None where one of them is not there, or two of them would be the same row of the table.
    """
    values = {
        (one.name, place): column
        for one in (*given.inputs, *given.labels)
        for place, column in enumerate(_flat(one, rows))
        if (one.name, place) in columns
    }
    own = np.stack([_comparable(values[key]) for key in columns], axis=1)
    theirs = np.stack([_comparable(table.numbers(column)) for column in columns.values()], axis=1)
    places: dict[bytes, list[int]] = {}
    for place, row in enumerate(theirs):
        places.setdefault(row.tobytes(), []).append(place)
    found = [places.get(row.tobytes(), []) for row in own]
    once = [one[0] for one in found if len(one) == 1]
    distinct = sum(len(np.unique(column[np.isfinite(column)])) for column in own.T)
    if not all(found) or len(set(once)) < len(once) or distinct < FEWEST_VALUES:
        return {}
    return {row: one[0] for row, one in zip(rows, found, strict=True) if len(one) == 1}


def _comparable(values: Array) -> Array:
    """The values so that what is equal has the same bytes: one NaN, one zero."""
    bits = values.astype(np.float32) + np.float32(0.0)
    bits[np.isnan(bits)] = np.nan
    return bits


def _flat(one: Given, rows: Sequence[int]) -> list[Array]:
    """The columns of some rows of an array as float32; none of texts and of arrays that are no tables."""
    values = one.values[np.array(rows, np.int64)]
    if values.dtype.kind not in "biuf" or values.ndim > 2:
        return []
    with np.errstate(over="ignore"):
        return list(values.reshape(len(values), -1).astype(np.float32).T)


def _with_lines(
    array: ArrayFacts, table: Table, lines: dict[int, int], columns: dict[tuple[str, int], int]
) -> ArrayFacts:
    def placed(cell: Cell, column: int | None) -> Cell:
        place = lines.get(cell.row)
        if place is None:
            return cell
        row = table.cells[place]
        text = row[column] if column is not None and column < len(row) else None
        return replace(cell, line=table.lines[place], file=table.file, text=text)

    def of(place: int, column: ColumnFacts) -> ColumnFacts:
        read_from = columns.get((array.name, place))
        return replace(column, bad=tuple(placed(cell, read_from) for cell in column.bad))

    return replace(array, columns=tuple(of(place, column) for place, column in enumerate(array.columns)))
