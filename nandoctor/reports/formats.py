"""The formats of a report, by name and by file suffix."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never

from nandoctor.errors import USAGE, NandoctorError

if TYPE_CHECKING:
    from nandoctor.finding import Report

Detail = Literal["brief", "normal", "verbose"]


class ReportFormat(StrEnum):
    """The name of a format, as `--format` takes it."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"
    HTML = "html"


SUFFIXES: Mapping[str, ReportFormat] = {
    ".txt": ReportFormat.TABLE,
    ".yaml": ReportFormat.YAML,
    ".yml": ReportFormat.YAML,
    ".json": ReportFormat.JSON,
    ".sarif": ReportFormat.SARIF,
    ".xml": ReportFormat.JUNIT,
    ".md": ReportFormat.MARKDOWN,
    ".html": ReportFormat.HTML,
}


def format_of(path: Path) -> ReportFormat:
    """The format that a file's suffix asks for; NandoctorError (exit code 2) for a suffix that is none's."""
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError:
        known = ", ".join(SUFFIXES)
        raise NandoctorError(f"{path}: the suffix names no report format; use one of {known}", USAGE) from None


def render(
    report: Report, name: ReportFormat, *, width: int = 100, colour: bool = False, detail: Detail = "normal"
) -> str:
    """The report as text in the named format; width, colour and detail concern the table alone."""
    match name:
        case ReportFormat.TABLE:
            from nandoctor.reports import table

            return table.render(report, width=width, colour=colour, detail=detail)
        case ReportFormat.YAML:
            from nandoctor.reports import yaml

            return yaml.render(report)
        case ReportFormat.JSON:
            from nandoctor.reports import json

            return json.render(report)
        case ReportFormat.SARIF:
            from nandoctor.reports import sarif

            return sarif.render(report)
        case ReportFormat.JUNIT:
            from nandoctor.reports import junit

            return junit.render(report)
        case ReportFormat.GITHUB:
            from nandoctor.reports import github

            return github.render(report)
        case ReportFormat.MARKDOWN:
            from nandoctor.reports import markdown

            return markdown.render(report)
        case ReportFormat.HTML:
            from nandoctor.reports import html

            return html.render(report)
        case _:
            assert_never(name)
