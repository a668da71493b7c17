import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nandoctor.wording import listing, named_columns, number, plural


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (0.25, "0.25"),
        (1.0, "1"),
        (1024, "1,024"),
        (-999.0, "-999"),
        (999_999.0, "999,999"),
        (1.3e6, "1.3e+06"),
        (12.34567, "12.35"),
        (1e-7, "1e-07"),
        (1e308, "1e+308"),
        (math.nan, "NaN"),
        (math.inf, "Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@given(st.floats(-1e308, 1e308))
def test_a_number_reads_back_to_four_digits(value):
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=5.1e-4)


def test_plural():
    assert [plural(count, "row") for count in (0, 1, 2, 1024)] == ["0 rows", "1 row", "2 rows", "1,024 rows"]


def test_listing():
    assert listing([]) == ""
    assert listing([3, 17, 41]) == "3, 17, 41"
    assert listing(range(8)) == "0, 1, 2, 3, 4, 5, 6, 7"
    assert listing(range(1200), most=2) == "0, 1, ... (1,200 in all)"


def test_columns_may_have_no_name_but_their_number():
    assert named_columns(["3"]) == "column 3"
    assert named_columns(["age", "height"]) == "columns age, height"
    assert plural(2, "batch") == "2 batches"
