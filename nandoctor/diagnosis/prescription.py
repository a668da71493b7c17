"""What to do with each column before it is fed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts
from nandoctor.facts.meaning import ID_ROWS, category_codes, identifies, one_hot_member, skewed
from nandoctor.finding import ColumnPrescription
from nandoctor.stats import DTYPE_LIMITS
from nandoctor.wording import number, plural

# Nearly all of a standardized column lies within three standard deviations of 0.
STANDARDIZED_ABOVE = 3.0
# A column of which more is not there is mostly made up when it is filled.
IMPUTED_UP_TO = 0.5
ISO_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}.*)?)?$")


def prescription(data: DataFacts) -> tuple[ColumnPrescription, ...]:
    """What each input column needs, in order of the columns; columns that need nothing are left out."""
    found = []
    for array in data.inputs:
        for column in array.columns:
            steps = tuple(_pixels(array) if array.image_like else _steps(array, column, data))
            if steps:
                actions, reasons = zip(*steps, strict=True)
                found.append(ColumnPrescription(array.name, column.name, actions, "; ".join(reasons)))
    return tuple(found)


def _pixels(array: ArrayFacts) -> Iterator[tuple[str, str]]:
    if array.stats is not None and array.stats.max_abs > 1.0:
        yield f"rescale by 1 / {number(array.stats.max_abs)}", "pixels"


def _steps(array: ArrayFacts, column: ColumnFacts, data: DataFacts) -> Iterator[tuple[str, str]]:
    stats = column.stats
    rows = stats.count + column.non_numeric
    if column.non_numeric > stats.finite:
        yield _of_texts(column, rows)
        return
    if not stats.finite or stats.constant:
        yield "drop", "no numbers" if not stats.finite else f"always {number(stats.minimum or 0.0)}"
        return
    if identifies(array, column):
        yield "drop", "an id"
        return
    if column.non_numeric:
        yield "cast", f"{plural(column.non_numeric, 'cell')} of text among numbers"
    bad = stats.missing + stats.nonfinite
    if bad:
        rare = bad <= IMPUTED_UP_TO * rows
        yield ("impute" if rare else "drop"), f"{bad:,} of {plural(rows, 'cell')} hold no finite number"
        if not rare:
            return
    if one_hot_member(column):
        return
    codes = category_codes(array, column)
    if codes is not None:
        yield "one-hot", codes
        return
    largest = DTYPE_LIMITS.get(data.fed_as or "float32", DTYPE_LIMITS["float32"]).largest
    if stats.max_abs > largest:
        yield f"clip at {number(largest)}", f"up to {number(stats.max_abs)}, beyond {data.fed_as or 'float32'}"
    if skewed(column) is not None and (stats.minimum or 0.0) >= 0.0:
        yield "log1p", "a heavy tail of positive numbers"
    if column.integral and column.name.isdigit():
        # Whole numbers without a name may be ids for an Embedding as well as quantities.
        return
    if column.magnitude > STANDARDIZED_ABOVE:
        yield "standardize", f"mean {number(stats.mean)}, standard deviation {number(stats.std)}"


def _of_texts(column: ColumnFacts, rows: int) -> tuple[str, str]:
    """What to do with a column of texts: names of single rows go, dates become numbers, categories are encoded."""
    texts = [text for text, _ in column.token_counts]
    if texts and all(ISO_DATE.match(text.strip()) for text in texts):
        return "cast", f"dates such as {texts[0]}: to days, month and weekday"
    if column.token_counts and column.token_counts[0][1] == 1 and column.non_numeric >= ID_ROWS:
        return "drop", f"another text in each of {plural(rows, 'row')}"
    return "one-hot", f"{plural(column.non_numeric, 'text')} in {plural(rows, 'row')}"
