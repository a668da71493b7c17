"""The report as JSON."""

from __future__ import annotations

import json

from nandoctor.finding import Report
from nandoctor.reports.contract import as_mapping


def render(report: Report) -> str:
    """The contract as standard JSON (RFC 8259, no NaN), indented, with a final newline."""
    return json.dumps(as_mapping(report), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
