"""What was observed in the data, before any model saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nandoctor.finding import Location
from nandoctor.stats import TensorStats

MOST_CELLS = 16
QUANTILE_LEVELS: tuple[float, ...] = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Cell:
    """One value of a column: its data row (from 0), the value, and where it came from.

    `text` is the cell as written (csv; None for binary formats), `line` its line in the file from 1, `byte` the
    offset of its row's first byte in the (decompressed) file, `file` its file where the data set has several.
    """

    row: int
    value: float
    text: str | None = None
    line: int | None = None
    byte: int | None = None
    file: str | None = None


@dataclass(frozen=True)
class ColumnFacts:
    """One column of a table, or one channel (last axis) of an array.

    `quantiles` are the values at `QUANTILE_LEVELS` over a sample of the finite values (empty if none);
    `lowest` and `highest` the most extreme finite cells, most extreme first (at most 16 each); `bad` the
    first missing, NaN and infinite cells (at most 16; `stats` has the exact counts); `repeated` the most
    frequent values with their counts, most frequent first (at most 8); `integral` says that every finite
    value is a whole number; `distinct` how many distinct values there are, None above 1,000. `non_numeric` are
    the cells that hold text which is no number (in no other count: `stats.count + non_numeric` are the rows), `tokens`
    the first of them (at most 16), `token_counts` the most frequent texts with their counts (at most 8). `rounded` are
    the whole numbers that float64 does not hold exactly, `rounded_cells` the first of them.
    """

    name: str
    stats: TensorStats
    quantiles: tuple[float, ...] = ()
    lowest: tuple[Cell, ...] = ()
    highest: tuple[Cell, ...] = ()
    bad: tuple[Cell, ...] = ()
    repeated: tuple[tuple[float, int], ...] = ()
    integral: bool = False
    distinct: int | None = None
    non_numeric: int = 0
    tokens: tuple[Cell, ...] = ()
    token_counts: tuple[tuple[str, int], ...] = ()
    rounded: int = 0
    rounded_cells: tuple[Cell, ...] = ()

    def quantile(self, level: float) -> float:
        """The value at one of `QUANTILE_LEVELS`; ValueError for another level, IndexError without values."""
        return self.quantiles[QUANTILE_LEVELS.index(level)]

    @property
    def magnitude(self) -> float:
        """Largest magnitude from the 1st to the 99th percentile, which a few outliers do not move; else the largest."""
        if not self.quantiles:
            return self.stats.max_abs
        return max(abs(self.quantile(0.01)), abs(self.quantile(0.99)))

    def outside(self, low: float, high: float) -> tuple[tuple[Cell, ...], bool]:
        """The known cells below `low` or above `high`, in order of rows, and whether these are all there are."""
        below = [cell for cell in self.lowest if cell.value < low]
        above = [cell for cell in self.highest if cell.value > high]
        complete = len(below) < MOST_CELLS and len(above) < MOST_CELLS
        return tuple(sorted((*below, *above), key=lambda cell: cell.row)), complete


@dataclass(frozen=True)
class ArrayFacts:
    """One array of the data set: an input of the model, a label, or neither.

    `name` is the key in the file; `bound_to` the model input or output it feeds, None for an unused array.
    `shape` includes the rows. `columns` are filled for 1-D and 2-D numeric arrays (one a column) and for
    higher ranks by channel (last axis); empty for strings and for more than 10,000 columns. `stats` are over
    the whole array, None for strings. `row_sums` are the smallest and largest sum over the last axis of a
    2-D numeric array (both 1 for one-hot rows), None otherwise or where a value is not finite.
    """

    name: str
    role: Literal["input", "label", "unused"]
    bound_to: str | None
    dtype: str
    shape: tuple[int, ...]
    stats: TensorStats | None
    columns: tuple[ColumnFacts, ...] = ()
    row_sums: tuple[float, float] | None = None

    @property
    def about(self) -> str:
        """The key under which findings refer to this array: `input:x`, `label:y`."""
        return f"{self.role}:{self.name}"

    @property
    def image_like(self) -> bool:
        """Whether this looks like pixels: rank 4 with 1, 3 or 4 channels, or whole numbers in 0..255.

        These of rank 3, or of rank 2 where at least 64 columns (8 x 8, flattened) reach beyond 127 together.
        """
        if self.stats is None or self.stats.minimum is None or self.stats.maximum is None:
            return False
        if len(self.shape) == 4 and self.shape[-1] in (1, 3, 4):
            return True
        whole = bool(self.columns) and all(column.integral for column in self.columns)
        if not whole or self.stats.minimum < 0 or self.stats.maximum > 255:
            return False
        return len(self.shape) == 3 or (len(self.columns) >= 64 and self.stats.maximum > 127)


@dataclass(frozen=True)
class RejectedRow:
    """A row of a text file that is no row of the table: its number, line (from 1), byte (from 0), why, and its text."""

    row: int
    line: int
    byte: int
    reason: str
    text: str
    file: str | None = None


@dataclass(frozen=True)
class Dialect:
    """How a text table was read: `delimiter`, `quote`, `decimal` mark, `encoding`, and whether line 1 is a `header`."""

    delimiter: str
    quote: str
    header: bool
    encoding: str
    decimal: str


@dataclass(frozen=True)
class RowSample:
    """The same rows of every array: `rows` are their numbers, ascending, `values[i]` the sampled column `columns[i]`.

    A column is named by its array and its name there. Missing cells and texts are NaN in `values`; `texts` has the
    latter as (place in `columns`, place in `rows`, text). Only arrays with one value a row and column are in it.
    """

    rows: tuple[int, ...]
    columns: tuple[tuple[str, str], ...]
    values: tuple[tuple[float, ...], ...]
    texts: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True)
class SplitFacts:
    """One named part of a data set (train, val): what `DataFacts` says, for its own files."""

    name: str
    path: str
    rows: int
    arrays: tuple[ArrayFacts, ...]
    rejected_rows: int = 0
    rejected: tuple[RejectedRow, ...] = ()
    sample: RowSample | None = None


@dataclass(frozen=True)
class DataFacts:
    """The data set: its path, its rows, its arrays, and the rows that the passes used.

    `examined_rows` are (first, past-the-last) ranges of rows that went through the model, in order of the
    batches; empty when the data alone was examined. `rejected_rows` are rows of the file that are not among `rows`,
    `rejected` the first of them (at most 16). `dialect` says how the text was read, `notices` what else the reader
    must know. `sample` are whole rows, for what concerns several columns. With splits, this is the one named
    `split` (the first, to train on) and `splits` are the others. `fed_as` is the dtype that the values are to be
    fed in, None where nobody said. `files` are the files that were read, with how many rows each has (rejected ones
    included).

    Of a watched run: `batch_rows` are the data rows of the failing batch in its order, None for one that was not found;
    with `only_batch` the batch itself was profiled, and the rows of cells are places in it. `from_file` is False where
    the data was in memory, and `path` only says what it is. `lines` are the lines (data row, file, line from 1) that
    rows were read from, as far as they are known. `repeated` are the places in the batch whose row stands in the data
    more than once, of which the first was taken.
    """

    path: str
    rows: int
    arrays: tuple[ArrayFacts, ...]
    batch_size: int | None = None
    examined_rows: tuple[tuple[int, int], ...] = ()
    rejected_rows: int = 0
    rejected: tuple[RejectedRow, ...] = ()
    dialect: Dialect | None = None
    notices: tuple[str, ...] = ()
    sample: RowSample | None = None
    split: str | None = None
    splits: tuple[SplitFacts, ...] = ()
    fed_as: str | None = None
    files: tuple[tuple[str, int], ...] = ()
    batch_rows: tuple[int | None, ...] = ()
    only_batch: bool = False
    from_file: bool = True
    lines: tuple[tuple[int, str, int], ...] = ()
    repeated: tuple[int, ...] = ()

    @property
    def inputs(self) -> tuple[ArrayFacts, ...]:
        """The arrays that feed the model; all but labels where no model is known."""
        return tuple(array for array in self.arrays if array.role == "input")

    @property
    def labels(self) -> tuple[ArrayFacts, ...]:
        """The arrays that are targets."""
        return tuple(array for array in self.arrays if array.role == "label")

    def place_in_batch(self, row: int) -> tuple[int, int] | None:
        """The batch that a data row was in and its place there, both from 0; None for a row that was not examined."""
        if self.only_batch:
            return 0, row
        if self.batch_rows:
            return (0, self.batch_rows.index(row)) if row in self.batch_rows else None
        if self.batch_size is None:
            return None
        batch = 0
        for first, end in self.examined_rows:
            if first <= row < end:
                return batch + (row - first) // self.batch_size, (row - first) % self.batch_size
            batch += -(-(end - first) // self.batch_size)
        return None

    def rows_of_batch(self, places: Sequence[int]) -> tuple[int, ...] | None:
        """The data rows at these places of a watched run's batch, in their order; None where one is not known."""
        rows = [self.batch_rows[place] if place < len(self.batch_rows) else None for place in places]
        known = tuple(dict.fromkeys(row for row in rows if row is not None))
        return known if known and None not in rows else None

    def location(self, columns: Sequence[str], cells: Sequence[Cell] = ()) -> Location:
        """Where cells are: rows of the file, columns, line, and the places in the first batch that has any of them."""
        rows = sorted({cell.row for cell in cells})
        places = [place for place in map(self.place_in_batch, rows) if place is not None]
        batch = places[0][0] if places else None
        first = min((cell for cell in cells if cell.line is not None), key=lambda cell: cell.line or 0, default=None)
        return Location(
            file=self.path if self.from_file else first.file if first else None,
            line=first.line if first else None,
            phase="data",
            batch=batch,
            rows=tuple(place for number, place in places if number == batch) or None,
            dataset_rows=self.rows_of_batch(rows) if self.only_batch else tuple(rows) or None,
            columns=tuple(columns) or None,
        )

    def lines_of(self, rows: Sequence[int]) -> tuple[str, ...] | None:
        """`file:line` of data rows, in their order; None where one is not known."""
        known = {row: f"{file}:{line}" for row, file, line in self.lines}
        found = tuple(known[row] for row in rows if row in known)
        return found if found and len(found) == len(rows) else None

    def rows_at(self, rows: Sequence[int], file: str | None = None, columns: Sequence[str] = ()) -> Location:
        """Where whole rows are: in this data set's file, or in another one."""
        own = self.path if self.from_file else None
        found = self.rows_of_batch(rows) if self.only_batch and file is None else tuple(rows) or None
        return Location(file=file or own, phase="data", dataset_rows=found, columns=tuple(columns) or None)
