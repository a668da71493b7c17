"""The page of the contract names the keys that a report has, all of them."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from nandoctor.finding import (
    BadCell,
    Band,
    ColumnPrescription,
    ColumnRow,
    Finding,
    LayerRow,
    Link,
    RecordedStep,
    Remedy,
    Report,
    ReportSubject,
    RunReport,
    Skipped,
    Summary,
    Tool,
)
from nandoctor.reports.contract import as_mapping

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DOCS))
    import generated

    yield generated
    del sys.modules["generated"]


def whole_report() -> Report:
    """A report in which each part is there once."""
    finding = Finding(
        "ND201",
        "log-of-zero",
        "error",
        "Logarithm of zero",
        "Log of 0.",
        links=(Link("log-of-zero", "a log of 0"),),
        remedies=(Remedy("clip", "Clip it"),),
    )
    band = Band(4, 0, 1, 0, 0.5, 0.5, 1.0, 1.0, 1.0)
    layer = LayerRow("dense", "MatMul", "float32", 0.0, 1.0, 0, None, None, None, None, None, band, band)
    column = ColumnRow("table", "a", "input", 0.0, 0.0, 0.5, 1.0, 1.0, 0, 0, band, (BadCell(2, "NaN", 4, "data.csv"),))
    return Report(
        Tool("nandoctor", "0.1.0", None, None, "3.11"),
        ReportSubject("data", "data.csv"),
        Summary(1, 0, 0, "sick"),
        (finding,),
        skipped=(Skipped("ND202", "log-of-negative", "no step"),),
        layers=(layer,),
        prescription=(ColumnPrescription("table", "a", ("drop",), "text"),),
        columns=(column,),
        run=RunReport(1, "fine", recorded=(RecordedStep(0, 1.0, 1.0, 0.1),)),
    )


def test_the_page_names_the_keys_that_are_written(generated: Any) -> None:
    written = as_mapping(whole_report())
    finding = written["findings"][0]
    parts = {
        "Report": written,
        "Finding": finding,
        "Location": finding["location"],
        "Link": finding["links"][0],
        "Remedy": finding["remedies"][0],
        "LayerRow": written["layers"][0],
        "Band": written["layers"][0]["gradient"],
        "ColumnRow": written["columns"][0],
        "BadCell": written["columns"][0]["cells"][0],
        "RunReport": written["run"],
        "RecordedStep": written["run"]["recorded"][0],
        "ColumnPrescription": written["prescription"][0],
        "Skipped": written["skipped"][0],
        "Summary": written["summary"],
        "Tool": written["tool"],
        "ReportSubject": written["subject"],
    }
    named = {
        kind.__name__: {one.name for one in fields(kind)} - generated.NOT_WRITTEN.get(kind, set())
        for kind in generated.CONTRACT
    }

    assert named == {name: set(part) for name, part in parts.items()}


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        (int | None, ["integer", "null"]),
        (tuple[str, ...], ["list of string"]),
        (tuple[Link, ...], ["list of [Link](#link)"]),
    ],
)
def test_types_are_those_of_json(generated: Any, hint: Any, told: list[str]) -> None:
    assert list(generated.json_types(hint)) == told


def test_what_would_be_markup_is_escaped(generated: Any) -> None:
    assert generated.markdown("x**2 of `a*b` <1") == r"x\*\*2 of `a*b` \<1"
