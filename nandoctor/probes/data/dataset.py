"""A data file in memory: its arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nandoctor.probes.data.written import WrittenTable
from nandoctor.stats import Array


@dataclass(frozen=True)
class DataSet:
    """The arrays of one file.

    `arrays` are in the file's order. For a csv file each is one column, of float64 where every cell is a number
    or empty and of str objects otherwise; `missing` are the rows of its empty cells (NaN in the array), for the columns
    that have any, and `written` is the file as it was written. For other formats `written` is None.
    """

    path: Path
    arrays: Mapping[str, Array]
    missing: Mapping[str, Array] = field(default_factory=dict)
    written: WrittenTable | None = None
