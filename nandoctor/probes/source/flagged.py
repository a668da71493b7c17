"""What a saved report of check-data says about columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nandoctor.errors import NandoctorError
from nandoctor.facts.source import FlaggedColumn, FlaggedData

_REPORTS = (".json", ".yaml", ".yml")


def saved_report(path: Path) -> dict[str, Any] | None:
    """The report in a JSON or YAML file as plain values; None where the file is something else, as data is.

    NandoctorError where the file cannot be read, or its report is of another subject than data.
    """
    if path.suffix.lower() not in _REPORTS or not path.is_file():
        return None
    try:
        found = _parsed(path)
    except (OSError, ValueError) as error:
        raise NandoctorError(f"{path}: cannot be read as a report: {error}") from error
    if not isinstance(found, dict) or "schema_version" not in found:
        return None
    subject = found.get("subject") or {}
    if subject.get("kind") != "data":
        raise NandoctorError(
            f"{path}: this is a report on a {subject.get('kind')}; give one that `nandoctor check-data` wrote"
        )
    return found


def flagged_in(report: dict[str, Any]) -> FlaggedData:
    """The columns that the errors and warnings of a report on data are about."""
    flagged = [
        FlaggedColumn(column, finding["rule"], finding["cause"], finding["message"])
        for finding in report["findings"]
        if finding["severity"] != "note"
        for column in finding["location"]["columns"] or ()
    ]
    return FlaggedData(report["subject"]["path"], tuple(flagged))


def _parsed(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix.lower() == ".json":
        try:
            return json.loads(text)
        except ValueError:
            # Rows of JSON, one a line, are data.
            return None
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from error
