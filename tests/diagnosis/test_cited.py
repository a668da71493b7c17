from __future__ import annotations

from collections.abc import Mapping

from nandoctor.diagnosis.cited import cited
from nandoctor.facts import Facts, SourceFacts, SourceFile, SourceOperand, SourceOperation, SourcePlace
from nandoctor.finding import Finding, Location, Tool
from nandoctor.policy import Policy

LOG = SourceOperation(
    kind="log",
    function="tensorflow.math.log",
    place=SourcePlace("losses.py", 4, 6, "loss", "return tf.math.log("),
    context="loss",
    operand=SourceOperand("y_pred", reaches=((0.0, "a prediction may be exactly 0"),), made_by="prediction"),
)


def facts(ignored: Mapping[int, tuple[str, ...]] | None = None) -> Facts:
    source = SourceFacts(("losses.py",), (SourceFile("losses.py", (LOG,), ignored=ignored or {}),))
    return Facts(Tool("nandoctor", "0", None, None, "3.11"), source=source)


def found_at(line: int | None, file: str = "losses.py") -> Finding:
    return Finding("ND201", "log-of-zero", "error", "", "Log of 0.", location=Location(file=file, line=line))


def test_a_finding_cites_the_rule_that_flags_its_line() -> None:
    (finding,) = cited([found_at(6)], facts(), Policy())

    assert finding.message == "Log of 0. A look at the source flags this line, too: ND801 (unguarded-log)."
    assert finding.evidence["static_rule"] == "ND801"


def test_other_lines_files_and_findings_without_a_line_are_left_alone() -> None:
    findings = (found_at(7), found_at(None), found_at(4, "train.py"))

    assert cited(findings, facts(), Policy()) == findings


def test_what_is_ignored_is_not_cited() -> None:
    findings = (found_at(4),)

    assert cited(findings, facts({4: ()}), Policy()) == findings
    assert cited(findings, facts(), Policy(ignore=("ND8",))) == findings


def test_without_source_facts_nothing_changes() -> None:
    findings = (found_at(4),)

    assert cited(findings, Facts(Tool("nandoctor", "0", None, None, "3.11")), Policy()) == findings
