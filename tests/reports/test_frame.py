"""A report as text, as a page in a notebook, and as a DataFrame."""

from __future__ import annotations

import sys
from dataclasses import replace

import pandas as pd
import pytest

from nandoctor.errors import NandoctorError
from nandoctor.finding import Report
from nandoctor.reports import html, table


def test_as_text_it_is_the_table(sick_report: Report) -> None:
    assert f"{sick_report}\n" == table.render(sick_report)


def test_a_notebook_shows_the_core_of_the_page(sick_report: Report) -> None:
    assert sick_report._repr_html_() == html.fragment(sick_report)


def test_each_finding_is_a_row_and_each_consequence_below_it(sick_report: Report) -> None:
    frame = sick_report.to_frame()

    first = sick_report.findings[0]
    assert first.consequences
    assert list(frame.index[:2]) == ["1", "1.1"]
    assert frame.loc["1.1", "parent"] == "1"
    assert frame.loc["1.1", "cause"] == first.consequences[0].cause
    assert frame["parent"].isna().sum() == len(sick_report.findings)
    assert (frame.loc["1", "line"], frame.loc["1", "rows"]) == (first.location.line, first.location.rows)
    assert {f"evidence.{name}": frame.loc["1", f"evidence.{name}"] for name in first.evidence} == {
        f"evidence.{name}": value for name, value in first.evidence.items()
    }


def test_what_is_not_known_of_a_step_makes_no_float_of_it(sick_report: Report) -> None:
    frame = sick_report.to_frame()

    assert frame["line"].dtype == pd.Int64Dtype()
    assert frame["step"].isna().any()


def test_a_report_without_findings_is_a_frame_without_rows(healthy_report: Report) -> None:
    frame = replace(healthy_report, findings=()).to_frame()

    assert frame.empty
    assert {"rule", "severity", "message", "file", "line", "layer"} <= set(frame.columns)


def test_without_pandas_there_is_a_line_that_says_so(sick_report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(NandoctorError, match=r"^to_frame\(\) needs pandas: pip install pandas$"):
        sick_report.to_frame()
