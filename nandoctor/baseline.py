"""Findings that a project knows of already: by their fingerprints in a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.finding import Finding, Report, Summary
from nandoctor.fingerprint import VERSION, fingerprint
from nandoctor.wording import plural

_MOST_TOLD = 5


@dataclass(frozen=True)
class Known:
    """An entry of a baseline: what the finding is known by, and for people what it was and where."""

    fingerprint: str
    rule: str
    cause: str
    where: str


def baseline_of(report: Report) -> str:
    """The text of a baseline with all findings of the report."""
    known = sorted({_entry(finding) for finding in report.findings}, key=lambda one: (one.rule, one.where, one.cause))
    entries = [vars(one) for one in known]
    return json.dumps({"version": VERSION, "findings": entries}, indent=2, ensure_ascii=False) + "\n"


def read_baseline(path: Path) -> tuple[Known, ...]:
    """The entries of a baseline; NandoctorError (exit code 2) for a file that is none."""
    try:
        read: Any = json.loads(path.read_text(encoding="utf-8"))
        if read["version"] != VERSION:
            raise NandoctorError(f"{path}: a baseline of version {read['version']}, not {VERSION}; remove it", USAGE)
        return tuple(Known(**entry) for entry in read["findings"])
    except OSError as error:
        raise NandoctorError(f"{path}: cannot be read ({error.strerror})", USAGE) from error
    except (ValueError, KeyError, TypeError) as error:
        raise NandoctorError(f"{path}: no baseline; name a file that --baseline is to make", USAGE) from error


def against(report: Report, known: Sequence[Known], path: Path) -> Report:
    """The report without the findings that are known; how many, and which entries were not found again, as notices.

    The summary is that of what is left.
    """
    by_fingerprint = {one.fingerprint: one for one in known}
    kept = tuple(one for one in report.findings if fingerprint(one) not in by_fingerprint)
    met = {fingerprint(one) for one in report.findings}
    notices = list(report.notices)
    hidden = len(report.findings) - len(kept)
    if hidden:
        notices.append(f"{plural(hidden, 'finding')} known from {path} {'is' if hidden == 1 else 'are'} not shown.")
    expired = [one for one in known if one.fingerprint not in met]
    if expired:
        told = "; ".join(f"{one.rule} {one.cause} ({one.where})" for one in expired[:_MOST_TOLD])
        more = f"; and {len(expired) - _MOST_TOLD:,} more" if len(expired) > _MOST_TOLD else ""
        noun = "entry" if len(expired) == 1 else "entries"
        notices.append(f"{len(expired):,} {noun} of {path} expired, as nothing like it was found: {told}{more}.")
    return replace(report, findings=kept, summary=Summary.of(kept), notices=tuple(notices))


def _entry(finding: Finding) -> Known:
    where = finding.location
    place = where.layer or where.op or ", ".join(where.columns or ()) or "no place"
    if where.file:
        file = Path(where.file)
        place = (file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file).as_posix()
    return Known(fingerprint(finding), finding.rule, finding.cause, place)
