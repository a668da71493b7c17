"""Findings of what ran, beside what a look at the source says of their lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nandoctor.diagnosis.applying import applied
from nandoctor.diagnosis.linted import ROOM, not_ignored
from nandoctor.facts import Facts, SourceFacts
from nandoctor.finding import Finding
from nandoctor.policy import Policy
from nandoctor.rule import load_rules


def cited(findings: Sequence[Finding], facts: Facts, policy: Policy) -> tuple[Finding, ...]:
    """The findings; those whose line a rule about source flags, too, say so in message and evidence (`static_rule`)."""
    source = facts.source
    if source is None:
        return tuple(findings)
    of_source = not_ignored(applied(load_rules(ROOM), facts, policy)[0], source)
    return tuple(_citing(one, of_source, source) for one in findings)


def _citing(finding: Finding, of_source: Sequence[Finding], source: SourceFacts) -> Finding:
    line, file = finding.location.line, finding.location.file
    places = {
        operation.place.about
        for one in source.files
        for operation in one.operations
        if one.path == file and line in operation.place.lines
    }
    rules = {one.rule: one.cause for one in of_source if one.about in places}
    if not rules:
        return finding
    named = ", ".join(f"{rule} ({cause})" for rule, cause in rules.items())
    return replace(
        finding,
        message=f"{finding.message} A look at the source flags this line, too: {named}.",
        evidence={**finding.evidence, "static_rule": ", ".join(rules)},
    )
