from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from nandoctor.finding import Finding, Report
from nandoctor.reports.contract import as_mapping

LOCATION_KEYS = [
    "file",
    "line",
    "function",
    "code",
    "layer",
    "op",
    "op_type",
    "phase",
    "loop_iteration",
    "step",
    "epoch",
    "batch",
    "rows",
    "dataset_rows",
    "columns",
    "dataset_lines",
]


def test_it_has_the_keys_of_version_1(sick_report: Report) -> None:
    mapping = as_mapping(sick_report)

    assert list(mapping)[:5] == ["schema_version", "tool", "subject", "summary", "findings"]
    assert mapping["schema_version"] == 1
    assert list(mapping["tool"]) == ["name", "version", "tensorflow", "keras", "python"]
    assert mapping["subject"] == {"kind": "saved_model", "path": "models/surprise"}
    assert mapping["summary"] == {"error": 1, "warning": 1, "note": 1, "verdict": "sick"}


def test_a_finding_has_all_keys_and_unknown_places_are_null(sick_report: Report) -> None:
    for finding in as_mapping(sick_report)["findings"]:
        assert list(finding) == [
            "rule",
            "cause",
            "severity",
            "title",
            "message",
            "confidence",
            "location",
            "evidence",
            "limits",
            "chain",
            "links",
            "remedies",
            "consequences",
        ]
        assert list(finding["location"]) == LOCATION_KEYS
    assert as_mapping(sick_report)["findings"][0]["location"]["epoch"] is None
    assert as_mapping(sick_report)["findings"][0]["location"]["rows"] == [3, 17]


def test_a_remedy_carries_its_trial(sick_report: Report) -> None:
    remedies = as_mapping(sick_report)["findings"][0]["remedies"]

    assert list(remedies[0]) == ["id", "title", "patch", "verdict", "trial"]
    assert (remedies[0]["trial"]["loss_before"], remedies[0]["trial"]["loss_after"]) == ("Infinity", 0.6931)
    assert remedies[1]["verdict"] == "untried"


def test_consequences_are_findings_too(sick_report: Report) -> None:
    (consequence,) = as_mapping(sick_report)["findings"][0]["consequences"]

    assert consequence["cause"] == "zero-times-inf"
    assert consequence["location"]["phase"] == "backward"
    assert consequence["consequences"] == []


def test_non_finite_numbers_become_words_and_numpy_scalars_numbers(sick_report: Report) -> None:
    finding = Finding(
        rule="ND000",
        cause="any",
        severity="note",
        title="",
        message="",
        evidence={"a": math.nan, "b": math.inf, "c": -math.inf, "d": np.float32(0.5), "e": np.int64(3)},  # type: ignore[dict-item]
    )
    evidence = as_mapping(replace(sick_report, findings=(finding,)))["findings"][0]["evidence"]

    assert evidence == {"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": 0.5, "e": 3}
    assert [type(value) for value in evidence.values()] == [str, str, str, float, int]


def test_what_ranking_uses_is_not_shown(sick_report: Report) -> None:
    assert "about" not in as_mapping(sick_report)["findings"][0]
