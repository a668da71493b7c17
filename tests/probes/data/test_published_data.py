"""Data sets that others published, as their packages ship them: nothing is said that a statistician would not sign."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path

import pytest

from nandoctor.api import check_data
from nandoctor.finding import Report


def bundled(package: str, *parts: str) -> Path:
    """A file of an installed package, found without importing the package."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"{package} is not installed")
    return Path(found.origin).parent.joinpath(*parts)


def alarms(report: Report) -> set[tuple[str, str, tuple[str, ...]]]:
    return {
        (one.severity, one.cause, one.location.columns if one.location else ())
        for one in report.findings
        if one.severity != "note"
    }


@pytest.fixture
def cars(tmp_path: Path) -> Path:
    rows = json.loads(bundled("vega_datasets", "_data", "cars.json").read_text())
    path = tmp_path / "cars.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_cars_without_horsepower_are_named_by_row(cars: Path) -> None:
    report = check_data(cars, target="Miles_per_Gallon")

    rows = [json.loads(line) for line in cars.read_text().splitlines()]
    missing = {
        one.about: one.location
        for one in report.findings
        if one.cause == "missing-in-data" and one.location is not None
    }
    assert missing["input:table"].columns == ("Horsepower",)
    assert missing["input:table"].dataset_rows == (38, 133, 337, 343, 361, 382)
    assert all(rows[row]["Horsepower"] is None for row in missing["input:table"].dataset_rows)
    assert {rows[row]["Miles_per_Gallon"] for row in missing["label:Miles_per_Gallon"].dataset_rows} == {None}
    assert alarms(report) == {
        ("error", "missing-in-data", ("Horsepower",)),
        ("error", "missing-in-data", ("Miles_per_Gallon",)),
        # 68 to 455 cubic inches.
        ("warning", "unscaled-input", ("Displacement",)),
    }


def test_every_row_of_auto_mpg_is_a_row(tmp_path: Path) -> None:
    path = bundled("mlxtend", "data", "data", "autompg.csv.gz")

    report = check_data(path, target="8", save_facts=tmp_path / "facts.json")

    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["data"]["rows"] == len(gzip.decompress(path.read_bytes()).splitlines()) == 392
    assert alarms(report) == {("warning", "unscaled-input", ("1",))}


@pytest.mark.parametrize("name", ["seattle-weather", "seattle-temps", "sf-temps", "iowa-electricity"])
def test_weather_and_electricity_are_healthy(name: str) -> None:
    report = check_data(bundled("vega_datasets", "_data", f"{name}.csv"))

    assert alarms(report) == set()
    (text,) = [one for one in report.findings if one.cause == "non-numeric-data"]
    assert "holds 20" in text.message


def test_airport_codes_that_read_as_numbers_are_no_constant_column() -> None:
    report = check_data(bundled("vega_datasets", "_data", "airports.csv"))

    assert "constant-column" not in {one.cause for one in report.findings}
    assert alarms(report) == {("warning", "unscaled-input", ("longitude",))}


def test_the_digits_of_mnist_are_pixels() -> None:
    path = bundled("mlxtend", "data", "data", "mnist_5k.csv.gz")

    report = check_data(path, target="784", head="10:softmax", loss="sparse_categorical_crossentropy")

    # The margin is black in every digit.
    assert {(one.severity, one.cause) for one in report.findings} == {
        ("note", "constant-column"),
        ("note", "unscaled-input"),
    }
    (unscaled,) = [one for one in report.findings if one.cause == "unscaled-input"]
    assert "Rescaling" in unscaled.remedies[0].title
