"""All formats of one report say the same of a finding."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import junitparser
import pytest
import yaml

from nandoctor.finding import Finding, Location, Report
from nandoctor.reports.formats import ReportFormat, render

Said = tuple[str, str, str, int]


def in_contract(text: str) -> list[Said]:
    findings: list[dict[str, Any]] = yaml.safe_load(text)["findings"]
    return [(one["rule"], one["cause"], one["location"]["file"], one["location"]["line"]) for one in findings]


def in_sarif(text: str) -> list[Said]:
    found = []
    for result in json.loads(text)["runs"][0]["results"]:
        where = result["locations"][0]["physicalLocation"]
        line = where["region"]["startLine"]
        found.append((result["ruleId"], result["properties"]["cause"], where["artifactLocation"]["uri"], line))
    return found


def in_junit(text: str) -> list[Said]:
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    cases = [(case.name.split(), case._elem.attrib) for case in suite]
    return [(name[0], name[1], attributes["file"], int(attributes["line"])) for name, attributes in cases]


def in_annotations(text: str) -> list[Said]:
    found = re.findall(r"^::\w+ file=([^,]+),line=(\d+),title=(\w+) ([\w-]+)::", text, re.MULTILINE)
    return [(rule, cause, file, int(line)) for file, line, rule, cause in found]


def in_markdown(text: str) -> list[Said]:
    found = re.findall(r"\| (\w+) ([\w-]+) +\|.*?\b(\w+\.py):(\d+)", text)
    return [(rule, cause, file, int(line)) for rule, cause, file, line in found]


def in_page(text: str) -> list[Said]:
    """The findings that follow from no other."""
    found = []
    for label, rule, cause, told in re.findall(
        r'<article class="finding \w+" id="finding-([\d.]+)" data-rule="(\w+)" data-cause="([\w-]+)">(.*?)</article>',
        text,
        re.DOTALL,
    ):
        file, line = re.findall(r"<li>(\w+\.py):(\d+)", told)[0] if "." not in label else ("", 0)
        found.append((label, (rule, cause, file, int(line))))
    return [said for label, said in found if "." not in label]


READERS = {
    ReportFormat.YAML: in_contract,
    ReportFormat.JSON: in_contract,
    ReportFormat.SARIF: in_sarif,
    ReportFormat.JUNIT: in_junit,
    ReportFormat.GITHUB: in_annotations,
    ReportFormat.MARKDOWN: in_markdown,
    ReportFormat.HTML: in_page,
}


@pytest.fixture
def placed(sick_report: Report) -> Report:
    """Findings of each severity that have a line."""
    first, second, third = sick_report.findings
    return replace(
        sick_report,
        findings=(
            first,
            replace(second, location=Location(file="data.py", line=3, columns=("income",))),
            replace(third, location=Location(file="data.py", line=7)),
        ),
    )


@pytest.mark.parametrize("name", READERS)
def test_every_format_says_the_same_rule_cause_and_place(placed: Report, name: ReportFormat) -> None:
    assert READERS[name](render(placed, name)) == [
        ("ND201", "log-of-zero", "train.py", 41),
        ("ND105", "unscaled-input", "data.py", 3),
        ("ND115", "duplicate-rows", "data.py", 7),
    ]


def test_every_machine_format_is_read_here() -> None:
    assert set(READERS) | {ReportFormat.TABLE} == set(ReportFormat)


def test_a_file_below_the_working_folder_is_shown_from_there(
    sick_report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = sick_report.findings[0]
    there = replace(first, location=replace(first.location, file=str(tmp_path / "a folder" / "train.py")))
    report = replace(sick_report, findings=(there,))

    assert "file=a folder/train.py,line=41" in render(report, ReportFormat.GITHUB)
    assert in_sarif(render(report, ReportFormat.SARIF))[0][2] == "a%20folder/train.py"


def test_only_an_error_is_a_failed_test(sick_report: Report, healthy_report: Report) -> None:
    (suite,) = junitparser.JUnitXml.fromstring(render(sick_report, ReportFormat.JUNIT).encode())
    (well,) = junitparser.JUnitXml.fromstring(render(healthy_report, ReportFormat.JUNIT).encode())

    assert (suite.tests, suite.failures) == (3, 1)
    assert (well.tests, well.failures) == (1, 0)


def odd(report: Report, **fields: Any) -> Report:
    first: Finding = report.findings[0]
    return replace(report, findings=(replace(first, **fields),))


def test_a_text_of_several_lines_stays_one_annotation(sick_report: Report) -> None:
    text = render(odd(sick_report, message="50 % of x::y,\nbad"), ReportFormat.GITHUB)

    assert text.count("\n") == 1
    assert "::50 %25 of x::y,%0Abad%0A" in text


def test_what_xml_cannot_hold_is_replaced(sick_report: Report) -> None:
    (suite,) = junitparser.JUnitXml.fromstring(render(odd(sick_report, message="a\x00b\ud800"), ReportFormat.JUNIT))
    (case,) = suite

    assert case.result[0].message == "a?b?"


def test_a_table_cell_of_markdown_ends_where_it_should(sick_report: Report) -> None:
    first = sick_report.findings[0]
    report = odd(sick_report, message="x | y <b>", location=replace(first.location, code="a = b | c"))

    row = next(line for line in render(report, ReportFormat.MARKDOWN).splitlines() if "ND201" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    assert r"x \| y \<b\>" in row
