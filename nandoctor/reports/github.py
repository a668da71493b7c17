"""The report as GitHub's workflow commands, which become annotations of the run and of the changed lines."""

from __future__ import annotations

from collections.abc import Iterator

from nandoctor.finding import Finding, Report
from nandoctor.reports.places import checked_out_file, place

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report) -> str:
    """One line for each root: `::error file=train.py,line=12,title=ND201 log-of-zero::what was measured`."""
    return "".join(f"{_annotation(one)}\n" for one in report.findings)


def _annotation(finding: Finding) -> str:
    properties = ",".join(f"{name}={_escaped(value, also=':,')}" for name, value in _properties(finding))
    return f"::{COMMANDS[finding.severity]} {properties}::{_escaped(_message(finding))}"


def _properties(finding: Finding) -> Iterator[tuple[str, str]]:
    location = finding.location
    if location.file:
        yield "file", checked_out_file(location.file)
        if location.line is not None:
            yield "line", str(location.line)
    yield "title", f"{finding.rule} {finding.cause}"


def _message(finding: Finding) -> str:
    lines = [finding.message, *(line.strip() for line in place(finding.location))]
    if finding.links:
        lines.append(" <- ".join(finding.chain))
    if finding.remedies:
        lines.append(finding.remedies[0].title)
    return "\n".join(lines)


def _escaped(text: str, also: str = "") -> str:
    """As the workflow runner reads it back: percent signs, line ends and, in properties, colons and commas by code."""
    for mark in "%\r\n" + also:
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text
