import pytest

from nandoctor.facts import Cell, ColumnFacts
from nandoctor.facts.meaning import date_code
from nandoctor.stats import TensorStats


def column(name, low, high):
    stats = TensorStats(count=2, minimum=low, maximum=high)
    return ColumnFacts(name, stats, lowest=(Cell(0, low),), highest=(Cell(1, high),), integral=True)


@pytest.mark.parametrize(
    ("name", "low", "high", "meaning"),
    [
        ("date", 20230115.0, 20241231.0, "dates written as yyyymmdd"),
        ("created_time", 1.6e9, 1.7e9, "Unix seconds"),
        ("timestamp", 1.6e12, 1.7e12, "Unix milliseconds"),
        ("date", 20231315.0, 20241399.0, None),
        ("income", 20230115.0, 20241231.0, None),
        ("year", 1970.0, 1982.0, None),
    ],
)
def test_dates_are_told_by_name_and_value(name, low, high, meaning):
    assert date_code(column(name, low, high)) == meaning
