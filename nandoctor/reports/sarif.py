"""The report as SARIF 2.1.0 (OASIS), which code hosts and editors show at the lines that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unidiff.patch import Hunk, PatchSet

from nandoctor.finding import Finding, Link, Location, Remedy, Report, RulePage
from nandoctor.fingerprint import VERSION, fingerprint
from nandoctor.reports.contract import plain
from nandoctor.reports.places import checked_out_file, place

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "note": "note"}


def render(report: Report) -> str:
    """One run with a result for each root; what follows from it are its related locations, the chain its code flow."""
    rules = [page.code for page in report.pages]
    run = {
        "tool": {
            "driver": {
                "name": report.tool.name,
                "version": report.tool.version,
                "rules": [_rule(page) for page in report.pages],
            }
        },
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notices(report)}],
        "results": [_result(one, report, rules) for one in report.findings],
        "columnKind": "unicodeCodePoints",
        "properties": {"subject": report.subject.path, "verdict": report.summary.verdict},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(page: RulePage) -> dict[str, Any]:
    sections = {name: text for name, text in page.sections.items() if name}
    first = page.sections.get("", page.title).splitlines()[0]
    text = "\n\n".join(f"{name}:\n{said}" for name, said in sections.items())
    fenced = {name: f"```python\n{said}\n```" if name == "Example" else said for name, said in sections.items()}
    return {
        "id": page.code,
        "name": "".join(word.capitalize() for word in page.cause.split("-")),
        "shortDescription": {"text": page.title},
        "fullDescription": {"text": first},
        "help": {
            "text": text or first,
            "markdown": "\n\n".join(f"**{name}**\n\n{said}" for name, said in fenced.items()) or first,
        },
        "properties": {"tags": ["numerical stability", page.cause]},
    }


def _notices(report: Report) -> list[dict[str, Any]]:
    return [{"level": "note", "message": {"text": notice}} for notice in report.notices]


def _result(finding: Finding, report: Report, rules: Sequence[str]) -> dict[str, Any]:
    parts = {one.cause: one for one in (*reversed(finding.consequences), finding)}
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [_location(finding.location, report.subject.path)],
        "partialFingerprints": {VERSION: fingerprint(finding)},
        "properties": plain(
            {
                "cause": finding.cause,
                "confidence": finding.confidence,
                "location": asdict(finding.location),
                "evidence": finding.evidence,
                "limits": finding.limits,
                "chain": finding.chain,
            }
        ),
    }
    if finding.rule in rules:
        result["ruleIndex"] = rules.index(finding.rule)
    if finding.consequences:
        result["relatedLocations"] = [
            {"id": number, **_location(one.location, report.subject.path), "message": {"text": _consequence(one)}}
            for number, one in enumerate(finding.consequences, start=1)
        ]
    if len(finding.links) > 1:
        # The flow runs as the program does: from the root to what was seen.
        flow = [_step(link, parts, report.subject.path) for link in reversed(finding.links)]
        result["codeFlows"] = [{"threadFlows": [{"locations": flow}]}]
    fixes = [fix for remedy in finding.remedies if (fix := _fix(remedy))]
    if fixes:
        result["fixes"] = fixes
    return result


def _message(finding: Finding) -> str:
    where = "; ".join(line.strip() for line in place(finding.location))
    return f"{finding.title}. {finding.message}" + (f" ({where})" if where else "")


def _consequence(finding: Finding) -> str:
    return f"{finding.rule} {finding.cause}: {finding.message}"


def _location(location: Location, subject: str) -> dict[str, Any]:
    """The user's line where it is known, else what was examined; layer and op are logical locations."""
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(location.file or subject)}}
    if location.file and location.line is not None:
        physical["region"] = {"startLine": location.line}
        if location.code:
            physical["region"]["snippet"] = {"text": location.code}
    names = (("function", location.function), ("module", location.layer), ("member", location.op))
    logical = [{"fullyQualifiedName": name, "kind": kind} for kind, name in names if name]
    return {"physicalLocation": physical, **({"logicalLocations": logical} if logical else {})}


def _uri(path: str) -> str:
    """A path relative to the checkout or the working folder as a relative reference, any other as a file URI."""
    if "://" in path:
        return path
    shown = checked_out_file(path)
    return Path(shown).as_uri() if Path(shown).is_absolute() else quote(Path(shown).as_posix())


def _step(link: Link, parts: Mapping[str, Finding], subject: str) -> dict[str, Any]:
    part = parts.get(link.cause)
    where = _location(part.location if part is not None else Location(), subject)
    return {
        "location": {**where, "message": {"text": f"{link.cause}: {link.told}"}},
        "properties": {"basis": link.basis, **({"against": link.against} if link.against else {})},
    }


def _fix(remedy: Remedy) -> dict[str, Any] | None:
    """The verified diff as replacements of whole lines; None for what was not verified or is no diff."""
    if remedy.verdict != "verified" or not (remedy.patch or "").startswith("---"):
        return None
    changes = [
        {
            "artifactLocation": {"uri": _uri(file.source_file)},
            "replacements": [replacement for hunk in file for replacement in _replacements(hunk)],
        }
        for file in PatchSet(remedy.patch or "")
    ]
    return {"description": {"text": remedy.title}, "artifactChanges": changes}


def _replacements(hunk: Hunk) -> Iterator[dict[str, Any]]:
    """Each run of removed and added lines; where none is removed, an insertion in front of the next line."""
    line, removed, added = hunk.source_start, 0, ""
    for one in (*hunk, None):
        if one is not None and one.is_removed:
            removed += 1
        elif one is not None and one.is_added:
            added += one.value
        else:
            if removed or added:
                region: dict[str, int] = {"startLine": line, "startColumn": 1}
                region |= {"endLine": line + removed, "endColumn": 1}
                yield {"deletedRegion": region, "insertedContent": {"text": added}}
            line, removed, added = line + removed + 1, 0, ""
