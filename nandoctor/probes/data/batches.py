"""Which rows go through the model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nandoctor.facts.data import DataFacts


def choose_rows(rows: int, batch_size: int, max_batches: int, wanted: Sequence[int] = ()) -> tuple[range, ...]:
    """The batches to examine, ascending: the first `max_batches`, those that hold `wanted` rows in place of the last.

    Batches are cut as training cuts them, from row 0 on; the last one of the data may be smaller. Where there are
    more wanted batches than `max_batches`, the rows named first win.
    """
    batches = -(-rows // batch_size)
    chosen = list(dict.fromkeys(row // batch_size for row in wanted))[:max_batches]
    for batch in range(batches):
        if len(chosen) >= max_batches:
            break
        if batch not in chosen:
            chosen.append(batch)
    return tuple(range(batch * batch_size, min((batch + 1) * batch_size, rows)) for batch in sorted(chosen))


def telling_rows(facts: DataFacts) -> tuple[int, ...]:
    """The rows that are most likely to show a fault, of each input, then of each label.

    The first NaN or missing cell, the first infinite one, then the largest magnitude.
    """
    bad: list[int] = []
    extreme: list[int] = []
    for array in (*facts.inputs, *facts.labels):
        cells = [cell for column in array.columns for cell in column.bad]
        bad.extend(sorted(cell.row for cell in cells if math.isnan(cell.value))[:1])
        bad.extend(sorted(cell.row for cell in cells if math.isinf(cell.value))[:1])
        ends = [cell for column in array.columns for cell in (*column.lowest[:1], *column.highest[:1])]
        extreme.extend(cell.row for cell in sorted(ends, key=lambda cell: -abs(cell.value))[:1])
    return tuple(dict.fromkeys([*bad, *extreme]))
