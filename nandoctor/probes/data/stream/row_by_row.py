"""The rows of a chunk of text one by one, in Python: the slow way, which understands what DuckDB refuses."""

from __future__ import annotations

import math

import numpy as np

from nandoctor.facts.data import Dialect
from nandoctor.probes.data.csv import cell_value
from nandoctor.probes.data.stream.engine import Texts
from nandoctor.probes.data.stream.records import Chunk, cells_of
from nandoctor.probes.data.stream.text_query import Cells
from nandoctor.stats import Array


def read_rows(chunk: Chunk, dialect: Dialect, columns: int, rejected: dict[int, str]) -> tuple[Array, Cells]:
    """The places of the rows and their cells; rows of another width are added to `rejected`."""
    begins, ends = chunk.spans()
    kept: list[int] = []
    table: list[list[str]] = []
    for place, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        if place in rejected:
            continue
        cells = cells_of(chunk.data[begin:end], dialect.delimiter.encode(), dialect.quote.encode())
        if len(cells) != columns:
            rejected[place] = f"{len(cells)} cells instead of {columns}"
            continue
        kept.append(place)
        table.append([cell.decode("utf-8") for cell in cells])
    found = [_column([row[at] for row in table], dialect.decimal) for at in range(columns)]
    return np.array(kept, np.int64), Cells(
        [values for values, _, _ in found],
        [nulls for _, nulls, _ in found],
        {at: texts for at, (_, _, texts) in enumerate(found)},
        {},
    )


def _column(written: list[str], decimal: str) -> tuple[Array, Array, Texts]:
    numbers = [cell_value(text if decimal == "." else text.replace(",", ".")) for text in written]
    values = np.array([math.nan if number is None else number for number in numbers])
    none = [number is None or not text.strip() for number, text in zip(numbers, written, strict=True)]
    places = [at for at, absent in enumerate(none) if absent]
    texts = Texts(np.array(places, np.int64), tuple(written[at] for at in places))
    return values, np.array(none, bool), texts
