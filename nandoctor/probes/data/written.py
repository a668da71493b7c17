"""A table of text as it was written: cells and line numbers, read from the file whenever they are asked for."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.stats import Array


@dataclass(frozen=True)
class WrittenCell:
    """A cell's text, and the line of the file (from 1) on which its row begins."""

    text: str
    line: int


@dataclass(frozen=True)
class WrittenTable:
    """A csv file with its delimiter and the names of its columns."""

    path: Path
    delimiter: str
    columns: tuple[str, ...]

    def cells(self, wanted: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], WrittenCell]:
        """The cells at (column name, data row from 0), by that pair; one pass over the file for all of them."""
        by_row: dict[int, list[str]] = {}
        for column, row in wanted:
            by_row.setdefault(row, []).append(column)
        found: dict[tuple[str, int], WrittenCell] = {}
        last = max(by_row, default=-1)
        places = {name: place for place, name in enumerate(self.columns)}
        for row, (line, cells) in enumerate(rows(self.path, self.delimiter)):
            if row > last:
                break
            for column in by_row.get(row, ()):
                found[column, row] = WrittenCell(cells[places[column]], line)
        return found

    def texts(self, names: Collection[str]) -> Mapping[str, Array]:
        """All cells of some columns, each as an array of str objects; one pass over the file."""
        places = {name: place for place, name in enumerate(self.columns) if name in names}
        texts: dict[str, list[str]] = {name: [] for name in places}
        if places:
            for _, cells in rows(self.path, self.delimiter):
                for name, place in places.items():
                    texts[name].append(cells[place])
        return {name: np.array(cells, dtype=object) for name, cells in texts.items()}


def rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each data row's first line and its cells; blank lines and the header are left out.

    NandoctorError (exit code 3) for a row with another number of cells than the header, for a quote that is not
    closed, and for bytes that are not UTF-8.
    """
    records = _records(path, delimiter)
    _, header = next(records)
    for line, cells in records:
        if len(cells) != len(header):
            raise NandoctorError(
                f"{path}, line {line}: {len(cells)} cells, but the header has {len(header)} columns; "
                "make every row as long as the header",
                UNEXAMINABLE,
            )
        yield line, cells


def header(path: Path, delimiter: str) -> list[str] | None:
    """The cells of the first line that is not blank, None in a file without any; raises as `rows` does."""
    return next((cells for _, cells in _records(path, delimiter)), None)


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            raise NandoctorError(f"{path}, line {line}: not a row of a csv file ({error})", UNEXAMINABLE) from error
        except UnicodeDecodeError as error:
            raise NandoctorError(
                f"{path}, line {_first_undecodable_line(path)}: not UTF-8 text; save the file as UTF-8", UNEXAMINABLE
            ) from error


def _first_undecodable_line(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1
