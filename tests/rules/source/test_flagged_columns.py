from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nandoctor.api import check_data, lint
from nandoctor.finding import Finding
from nandoctor.reports.formats import ReportFormat, render

TRAIN = """import keras
import pandas

table = pandas.read_csv("data/houses.csv")
{prepare}
model = keras.Sequential([keras.layers.Dense(1)])
model.compile(optimizer="adam", loss="mse")
model.fit({x}, table["price"], epochs=3)
"""


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    """A table with a missing income and a text among the areas."""
    rows = [f"{area},{1000 * area},{area}" for area in range(50, 90)]
    rows[7], rows[9] = "57,,57", "?,59000,59"
    path = tmp_path / "houses.csv"
    path.write_text("\n".join(["area,income,price", *rows]) + "\n")
    return path


def looked(houses: Path, *, prepare: str = "", x: str = "table", data: Path | None = None) -> list[Finding]:
    script = houses.parent / "train.py"
    script.write_text(TRAIN.format(prepare=prepare, x=x))
    return list(lint(script, data=data or houses).findings)


def causes(findings: list[Finding]) -> dict[Any, Any]:
    return {one.evidence["data_cause"]: one.location.columns for one in findings}


def test_the_flagged_columns_of_a_fit_are_told(houses: Path) -> None:
    found = looked(houses)

    assert causes(found) == {"missing-in-data": ("income",), "non-numeric-data": ("area",)}
    assert {(one.cause, one.severity, one.confidence, one.location.line) for one in found} == {
        ("flagged-columns", "warning", "medium", 8)
    }


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_saved_report_says_the_same_as_the_data(houses: Path, suffix: str) -> None:
    report = houses.with_suffix(suffix)
    name = ReportFormat.JSON if suffix == ".json" else ReportFormat.YAML
    report.write_text(render(check_data(houses), name))

    assert causes(looked(houses, data=report)) == causes(looked(houses))


@pytest.mark.parametrize(
    ("prepare", "x", "left"),
    [
        ("", "table[['area']]", {"non-numeric-data"}),
        ("FEATURES = ['income']", "table[FEATURES]", {"missing-in-data"}),
        ("", "table.drop(columns=['area'])", {"missing-in-data"}),
        ("del table['income']", "table", {"non-numeric-data"}),
        ("table = table.fillna(0.0)", "table", {"non-numeric-data"}),
        ("table = table.fillna(0.0)", "table[['income']]", set()),
    ],
)
def test_what_the_file_leaves_out_or_mends_is_not(houses: Path, prepare: str, x: str, left: set[str]) -> None:
    assert set(causes(looked(houses, prepare=prepare, x=x))) == left


def test_where_no_file_names_the_data_it_is_less_sure(houses: Path) -> None:
    other = houses.rename(houses.with_name("flats.csv"))

    assert {one.confidence for one in looked(other)} == {"low"}


def test_the_fit_of_something_else_is_not_meant(houses: Path) -> None:
    script = houses.parent / "train.py"
    script.write_text(TRAIN.format(prepare="", x="table").replace("model.fit", "forest.fit"))

    assert lint(script, data=houses).findings == ()


def test_without_data_nothing_is_said_of_columns(houses: Path) -> None:
    script = houses.parent / "train.py"
    script.write_text(TRAIN.format(prepare="", x="table"))

    assert lint(script).findings == ()
