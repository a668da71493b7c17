from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from nandoctor.errors import NandoctorError
from nandoctor.finding import Report
from nandoctor.reports.contract import as_mapping
from nandoctor.reports.formats import Detail, ReportFormat, format_of, render

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("health", ["sick", "healthy", "sick_run", "healthy_run"])
@pytest.mark.parametrize(
    ("file", "width", "detail"),
    [
        ("normal.txt", 100, "normal"),
        ("verbose.txt", 150, "verbose"),
        ("narrow.txt", 60, "verbose"),
        ("brief.txt", 100, "brief"),
        ("report.yaml", 100, "normal"),
        ("report.json", 100, "normal"),
    ],
)
def test_golden(request: pytest.FixtureRequest, health: str, file: str, width: int, detail: Detail) -> None:
    text = render(request.getfixturevalue(f"{health}_report"), format_of(Path(file)), width=width, detail=detail)
    golden = GOLDEN / f"{health.replace('_', '-')}-{file}"
    if request.config.getoption("--regenerate"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")


def test_json_holds_the_contract_without_nan(report: Report) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert json.loads(render(report, ReportFormat.JSON), parse_constant=refuse) == as_mapping(report)


def test_yaml_holds_the_contract_in_its_order(report: Report) -> None:
    read = yaml.safe_load(render(report, ReportFormat.YAML))

    assert read == as_mapping(report)
    assert list(read) == list(as_mapping(report))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.txt", ReportFormat.TABLE),
        ("a.yaml", ReportFormat.YAML),
        ("a.b.YML", ReportFormat.YAML),
        ("folder/a.json", ReportFormat.JSON),
        ("page.html", ReportFormat.HTML),
    ],
)
def test_the_suffix_names_the_format(file: str, name: ReportFormat) -> None:
    assert format_of(Path(file)) is name


@pytest.mark.parametrize("file", ["report", "report.pdf", ".json"])
def test_an_unknown_suffix_is_a_usage_error(file: str) -> None:
    with pytest.raises(NandoctorError, match="names no report format") as raised:
        format_of(Path(file))
    assert raised.value.exit_code == 2
