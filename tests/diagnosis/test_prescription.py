from __future__ import annotations

import numpy as np
import pytest

from nandoctor.diagnosis.prescription import prescription
from nandoctor.facts import ArrayFacts, ColumnFacts, DataFacts
from nandoctor.probes.data.column import ColumnValues, column_facts
from nandoctor.stats import TensorStats

GENERATOR = np.random.default_rng(0)


def numbers(name, values, missing=()):
    values = np.asarray(values, dtype=np.float64)
    return column_facts(ColumnValues(name, values, values, int, np.array(missing, np.int64) if missing else None))


def texts(name, *counts):
    return ColumnFacts(name, TensorStats(), non_numeric=sum(count for _, count in counts), token_counts=counts)


def actions(column, **more):
    array = ArrayFacts("table", "input", None, "float64", (200, 1), column.stats, (column,))
    found = prescription(DataFacts("data.csv", 200, (array,), **more))
    return found[0].actions if found else ()


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (numbers("a", GENERATOR.normal(size=200)), ()),
        (numbers("a", GENERATOR.normal(50, 20, size=200)), ("standardize",)),
        (numbers("a", [np.nan, *GENERATOR.normal(size=199)], missing=[0]), ("impute",)),
        (numbers("a", [np.inf, *GENERATOR.normal(size=199)]), ("impute",)),
        (numbers("a", [np.nan] * 150 + [*GENERATOR.normal(size=50)]), ("drop",)),
        (numbers("a", np.full(200, 3.0)), ("drop",)),
        (numbers("id", np.arange(200)), ("drop",)),
        (numbers("a", GENERATOR.lognormal(0, 2, size=200)), ("log1p", "standardize")),
        (numbers("region", np.arange(200) % 7), ("one-hot",)),
        (numbers("flag", np.arange(200) % 2), ()),
        (texts("colour", ("red", 120), ("blue", 80)), ("one-hot",)),
        (texts("name", ("car 2", 199), ("car 1", 1)), ("one-hot",)),
        (texts("name", *((f"car {row}", 1) for row in range(200))), ("drop",)),
        (texts("day", ("2024-01-01", 120), ("2024-01-02", 80)), ("cast",)),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_what_a_column_needs(column, wanted):
    assert actions(column) == wanted


def test_what_the_dtype_cannot_hold_is_clipped_first():
    column = numbers("a", GENERATOR.normal(50_000, 20_000, size=200))

    assert actions(column, fed_as="float16") == ("clip at 65,504", "standardize")


def test_whole_numbers_without_a_name_may_be_ids():
    assert actions(numbers("0", GENERATOR.integers(0, 5000, 200))) == ()
