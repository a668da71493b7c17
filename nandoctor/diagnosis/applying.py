"""The rules as a project wants them, applied to facts, and the pages of those that found something."""

from __future__ import annotations

from collections.abc import Sequence

from nandoctor.facts import Facts
from nandoctor.finding import Finding, RulePage, Skipped
from nandoctor.policy import Policy
from nandoctor.rule import Rule, apply_rules, page


def applied(
    rules: Sequence[type[Rule]], facts: Facts, policy: Policy
) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    """What the rules find that the project does not refuse, as severe as it wants it, and the rules left out."""
    refused = tuple(Skipped(one.code, one.cause, why) for one in rules if (why := policy.refusal(one)))
    wanted = tuple(policy.rule(rule) for rule in rules if policy.refusal(rule) is None)
    findings, skipped = apply_rules(wanted, facts)
    return tuple(policy.severe(one) for one in findings), (*skipped, *refused)


def rule_pages(rules: Sequence[type[Rule]], findings: Sequence[Finding]) -> tuple[RulePage, ...]:
    """The pages of the rules that made the findings and their consequences."""
    made = {one.rule for finding in findings for one in (finding, *finding.consequences)}
    return tuple(RulePage(rule.code, rule.cause, rule.title, page(rule)) for rule in rules if rule.code in made)
