"""What a column of numbers stands for, as far as its values tell: ids, categories, pixels, quantities."""

from __future__ import annotations

import re

from nandoctor.facts.data import ArrayFacts, ColumnFacts

ID_NAME = re.compile(r"(^|.*[_\s-])(id|uuid|guid|key|index|serial|number|no)$|^(unnamed.*|row)$", re.IGNORECASE)
CATEGORY_NAME = re.compile(
    r"(.*[_\s-])?(zip|zip_?code|postcode|code|category|cat|class|kind|type|group|region|state|country|origin)$",
    re.IGNORECASE,
)
DATE_NAME = re.compile(r"(.*[_\s-])?(date|time|timestamp|datetime|year|month|day|yyyymmdd)([_\s-].*)?$", re.IGNORECASE)
ID_ROWS = 20
MOST_CODES = 100


def identifies(array: ArrayFacts, column: ColumnFacts) -> bool:
    """Whether whole numbers are named as an id, or count the rows, with another value in nearly every row."""
    if not column.integral or len(array.shape) > 2 or column.stats.finite < ID_ROWS or column.non_numeric:
        return False
    if array.shape[0] <= 1000 and column.distinct is not None and column.distinct < column.stats.finite:
        return False
    if column.repeated and column.repeated[0][1] > 1:
        return False
    low, high = column.stats.minimum, column.stats.maximum
    if low is None or high is None:
        return False
    counts_rows = high - low == column.stats.finite - 1 and low in (0.0, 1.0)
    return counts_rows or bool(ID_NAME.match(column.name))


def one_hot_member(column: ColumnFacts) -> bool:
    """Whether the column holds 0 and 1 alone: an indicator, or one column of a one-hot group."""
    return column.integral and column.stats.minimum == 0.0 and column.stats.maximum == 1.0


def category_codes(array: ArrayFacts, column: ColumnFacts) -> str | None:
    """Why whole numbers are taken for codes of categories (a noun phrase); None where they may be quantities.

    Numbers alone do not tell, so it is the name that does: few values, each often, in a column named as a category.
    """
    if not column.integral or len(array.shape) > 2 or column.distinct is None or column.non_numeric:
        return None
    if column.distinct <= 2 or column.distinct > min(MOST_CODES, column.stats.finite // 5):
        return None
    if CATEGORY_NAME.match(column.name):
        return f"{column.distinct:,} whole numbers in a column named {column.name}"
    return None


def date_code(column: ColumnFacts) -> str | None:
    """How whole numbers in a column named as a date write it: `yyyymmdd`, or Unix seconds, milliseconds; else None."""
    low, high = column.stats.minimum, column.stats.maximum
    if not column.integral or low is None or high is None or not DATE_NAME.match(column.name):
        return None
    seen = {cell.value for cell in (*column.lowest, *column.highest)}
    if 18_000_101 <= low <= high <= 22_001_231 and all(_is_day(int(value)) for value in seen):
        return "dates written as yyyymmdd"
    if 1e8 <= low <= high < 1e10:
        return "Unix seconds"
    if 1e11 <= low <= high < 1e13:
        return "Unix milliseconds"
    return None


def skewed(column: ColumnFacts, ratio: float = 20.0) -> float | None:
    """How many times further the 99th percentile is from the median than the median from the 1st; None up to `ratio`.

    It is taken on the longer side; None too where the middle half is one value.
    """
    if not column.quantiles:
        return None
    median = column.quantile(0.5)
    if column.quantile(0.75) <= column.quantile(0.25):
        return None
    upper, lower = column.quantile(0.99) - median, median - column.quantile(0.01)
    shorter, longer = sorted((upper, lower))
    if shorter <= 0.0 or longer / shorter <= ratio:
        return None
    return longer / shorter


def _is_day(code: int) -> bool:
    return 1 <= code // 100 % 100 <= 12 and 1 <= code % 100 <= 31
