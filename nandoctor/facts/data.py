"""What was observed in the data, before any model saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nandoctor.stats import TensorStats

QUANTILE_LEVELS: tuple[float, ...] = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Cell:
    """One value of a column: its data row (from 0), the value, and where it came from.

    `text` is the cell as written (csv; None for binary formats), `line` its line in the file from 1.
    """

    row: int
    value: float
    text: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class ColumnFacts:
    """One column of a table, or one channel (last axis) of an array.

    `quantiles` are the values at `QUANTILE_LEVELS` over a sample of the finite values (empty if none);
    `lowest` and `highest` the most extreme finite cells, most extreme first (at most 16 each); `bad` the
    first missing, NaN and infinite cells (at most 16; `stats` has the exact counts); `repeated` the most
    frequent values with their counts, most frequent first (at most 8); `integral` says that every finite
    value is a whole number; `distinct` how many distinct values there are, None above 1,000.
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

    def quantile(self, level: float) -> float:
        """The value at one of `QUANTILE_LEVELS`; ValueError for another level, IndexError without values."""
        return self.quantiles[QUANTILE_LEVELS.index(level)]


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
    def image_like(self) -> bool:
        """Whether this looks like pixels: rank 4 with 1, 3 or 4 channels, or rank 3 whole numbers in 0..255."""
        if self.stats is None or self.stats.minimum is None or self.stats.maximum is None:
            return False
        if len(self.shape) == 4 and self.shape[-1] in (1, 3, 4):
            return True
        whole = bool(self.columns) and all(column.integral for column in self.columns)
        return len(self.shape) == 3 and whole and self.stats.minimum >= 0 and self.stats.maximum <= 255


@dataclass(frozen=True)
class DataFacts:
    """The data set: its path, its rows, its arrays, and the rows that the passes used.

    `examined_rows` are (first, past-the-last) ranges of rows that went through the model, in order of the
    batches; empty when the data alone was examined.
    """

    path: str
    rows: int
    arrays: tuple[ArrayFacts, ...]
    batch_size: int | None = None
    examined_rows: tuple[tuple[int, int], ...] = ()

    @property
    def inputs(self) -> tuple[ArrayFacts, ...]:
        """The arrays that feed the model; all but labels where no model is known."""
        return tuple(array for array in self.arrays if array.role == "input")

    @property
    def labels(self) -> tuple[ArrayFacts, ...]:
        """The arrays that are targets."""
        return tuple(array for array in self.arrays if array.role == "label")
