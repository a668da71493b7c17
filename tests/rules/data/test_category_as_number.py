from __future__ import annotations

import numpy as np

from nandoctor.rules.data.category_as_number import CategoryAsNumber


def test_codes_in_a_column_named_as_a_category_are_a_note(table, normal):
    (finding,) = CategoryAsNumber().check(table({"region": np.arange(200) % 7, "a": normal()[:, 0]}))

    assert (finding.cause, finding.severity, finding.location.columns) == ("category-as-number", "note", ("region",))
    assert "IntegerLookup" in finding.message


def test_dates_written_as_numbers(table):
    (finding,) = CategoryAsNumber().check(table({"order_date": 20240101 + np.arange(28)}))

    assert "yyyymmdd" in finding.message


def test_silent_on_counts_and_ratings(table):
    columns = {"cylinders": 4 + np.arange(100) % 3, "age": np.arange(100) % 50, "time": np.arange(100)}

    assert not list(CategoryAsNumber().check(table(columns)))
