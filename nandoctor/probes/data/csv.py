"""Reads .csv: a header line, then rows; separated by comma, semicolon or tab."""

from __future__ import annotations

import csv
import math
from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data import written
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.written import WrittenTable

DELIMITERS = (",", ";", "\t")
# Cells that are turned from text into numbers at a time: the text of a file is never in memory as a whole, neither
# that of a long one nor that of a wide one.
_CHUNK_CELLS = 400_000


def read_csv(path: Path) -> DataSet:
    """The columns of a csv file, in the file's order; NandoctorError (exit code 3) if it is not a table."""
    delimiter = _delimiter(path)
    names = _column_names(path, delimiter)
    table = WrittenTable(path, delimiter, names)
    numbers = [array("d") for _ in names]
    missing: list[list[int]] = [[] for _ in names]
    texts = [False] * len(names)
    rows = (cells for _, cells in written.rows(path, delimiter))
    first_row = 0
    while chunk := list(islice(rows, max(1, _CHUNK_CELLS // len(names)))):
        for place, cells in enumerate(zip(*chunk, strict=True)):
            values = None if texts[place] else _numbers(cells)
            if values is None:
                texts[place] = True
                continue
            numbers[place].extend(values)
            if any(map(math.isnan, values)):
                missing[place].extend(first_row + row for row, cell in enumerate(cells) if not cell.strip())
        first_row += len(chunk)
    if not first_row:
        raise NandoctorError(f"{path}: a header and no rows; there is nothing to examine", UNEXAMINABLE)
    written_texts = table.texts([name for place, name in enumerate(names) if texts[place]])
    arrays = {
        name: written_texts[name] if texts[place] else np.frombuffer(numbers[place]) for place, name in enumerate(names)
    }
    absent = {
        name: np.array(missing[place], np.int64)
        for place, name in enumerate(names)
        if missing[place] and not texts[place]
    }
    return DataSet(path, arrays, absent, table)


def cell_value(text: str) -> float | None:
    """The number that a cell holds: NaN for an empty one, None for text that is no number.

    What Python alone reads as a number (`1_000`, digits of other scripts) is text. `1e400` is infinite.
    """
    stripped = text.strip()
    if not stripped:
        return math.nan
    if "_" in stripped or not stripped.isascii():
        return None
    try:
        return float(stripped)
    except ValueError:
        return None


def _numbers(cells: Sequence[str]) -> list[float] | None:
    """The cells as numbers, None if one of them is text."""
    joined = "".join(cells)
    if joined.isascii() and "_" not in joined:
        try:
            return list(map(float, cells))
        except ValueError:
            pass
    values = [value for cell in cells if (value := cell_value(cell)) is not None]
    return values if len(values) == len(cells) else None


def _delimiter(path: Path) -> str:
    """The one of `DELIMITERS` that cuts the first line into the most cells."""
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        lines = list(islice(file, 100))
    return max(DELIMITERS, key=lambda delimiter: _first_width(lines, delimiter))


def _first_width(lines: Sequence[str], delimiter: str) -> int:
    """How many cells the first line has; 0 where it cannot be cut (a wide line without this delimiter is too long)."""
    try:
        return len(next(filter(None, csv.reader(lines, delimiter=delimiter)), ()))
    except csv.Error:
        return 0


def _column_names(path: Path, delimiter: str) -> tuple[str, ...]:
    cells = written.header(path, delimiter)
    if cells is None:
        raise NandoctorError(f"{path}: the file is empty", UNEXAMINABLE)
    names = [cell.strip() or f"unnamed column {place}" for place, cell in enumerate(cells, start=1)]
    if _looks_like_a_row(names):
        raise NandoctorError(
            f"{path}, line 1: numbers where the names of the columns belong; add a header line", UNEXAMINABLE
        )
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise NandoctorError(f"{path}, line 1: two columns are named {repeated!r}; rename one", UNEXAMINABLE)
    return tuple(names)


def _looks_like_a_row(names: Sequence[str]) -> bool:
    """Whether all names are numbers, other than the 0, 1, 2, ... that pandas gives to unnamed columns."""
    numbered = [str(place) for place in range(len(names))]
    return names != numbered and all(cell_value(name) is not None for name in names)
