"""A report as plain values: version 1 of the contract that the JSON and YAML formats share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from numbers import Integral, Real
from typing import Any

from nandoctor.finding import Finding, Remedy, Report


def as_mapping(report: Report) -> dict[str, Any]:
    """The report as dicts, lists, strings, numbers, booleans and None, with every key of the contract.

    NaN and infinities become the strings "NaN", "Infinity" and "-Infinity", since JSON cannot hold them.
    Keys are in the order in which a person reads them.
    """
    mapping: dict[str, Any] = {
        "schema_version": report.schema_version,
        "tool": asdict(report.tool),
        "subject": asdict(report.subject),
        "summary": asdict(report.summary),
        "findings": [_finding(finding) for finding in report.findings],
        "examined": report.examined,
        "notices": report.notices,
        "skipped": [asdict(skipped) for skipped in report.skipped],
        "layers": [asdict(layer) for layer in report.layers],
        "check_numerics": report.check_numerics,
        "prescription": [asdict(one) for one in report.prescription],
        "run": {key: value for key, value in asdict(report.run).items() if key != "history"} if report.run else None,
        "columns": [asdict(column) for column in report.columns],
        "columns_left_out": report.columns_left_out,
    }
    whole: dict[str, Any] = plain(mapping)
    return whole


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "cause": finding.cause,
        "severity": finding.severity,
        "title": finding.title,
        "message": finding.message,
        "confidence": finding.confidence,
        "location": asdict(finding.location),
        "evidence": finding.evidence,
        "limits": finding.limits,
        "chain": finding.chain,
        "links": [asdict(link) for link in finding.links],
        "remedies": [_remedy(remedy) for remedy in finding.remedies],
        "consequences": [_finding(consequence) for consequence in finding.consequences],
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    return {
        "id": remedy.id,
        "title": remedy.title,
        "patch": remedy.patch,
        "verdict": remedy.verdict,
        "trial": remedy.trial,
    }


def plain(value: Any) -> Any:
    """The value without tuples, NumPy scalars and non-finite numbers."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return _number(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value)


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
