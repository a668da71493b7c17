"""How a rule is declared, found and applied.

A rule is a frozen dataclass in a module of its own under `nandoctor/rules/`. Its class attributes name it, its
fields are thresholds, its docstring is the page that `nandoctor explain` prints, and the parameters of its
`check` method name the parts of `Facts` it needs. Nothing else mentions it.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, ClassVar, Protocol, cast

from nandoctor.facts.examination import Facts
from nandoctor.facts.origin import Origin
from nandoctor.facts.source import SourcePlace
from nandoctor.finding import Confidence, Finding, Phase, Remedy, Scalar, Severity, Skipped

RULES_PACKAGE = "nandoctor.rules"
PAGE_HEADINGS = ("What it finds", "Evidence", "Limit and source", "Remedy", "When it is fine", "Example")


class Named(Protocol):
    """The names of a rule: its code, its cause, a title."""

    code: ClassVar[str]
    cause: ClassVar[str]
    title: ClassVar[str]


class Rule(Named, Protocol):
    """What every rule class offers: its names, and `check`."""

    check: Callable[..., Iterator[Finding]]


def page(rule: type[Rule]) -> dict[str, str]:
    """The rule's docstring by heading, dedented; its first line is under the empty heading.

    A heading is a line that is one of `PAGE_HEADINGS` followed by a colon; what is indented below it belongs to it.
    """
    sections: dict[str, list[str]] = {"": []}
    current = ""
    for line in inspect.cleandoc(rule.__doc__ or "").splitlines():
        if line.endswith(":") and line[:-1] in PAGE_HEADINGS:
            current = line[:-1]
            sections[current] = []
        else:
            sections[current].append(line)
    return {heading: textwrap.dedent("\n".join(lines)).strip("\n") for heading, lines in sections.items()}


def missing_headings(rule: type[Rule]) -> tuple[str, ...]:
    """What the rule's page lacks or has nothing below; "summary" stands for what comes before the headings."""
    sections = page(rule)
    return tuple(heading or "summary" for heading in ("", *PAGE_HEADINGS) if not sections.get(heading, "").strip())


@cache
def load_rules(*rooms: str) -> tuple[type[Rule], ...]:
    """Every rule class below `nandoctor/rules/`, or in some of its rooms ("data", "head"), by code."""
    package = importlib.import_module(RULES_PACKAGE)
    found: list[type[Rule]] = []
    for module_info in pkgutil.walk_packages(package.__path__, f"{RULES_PACKAGE}."):
        if rooms and module_info.name.split(".")[2] not in rooms:
            continue
        module = importlib.import_module(module_info.name)
        for _, member in inspect.getmembers(module, inspect.isclass):
            if member.__module__ == module.__name__ and is_dataclass(member) and hasattr(member, "code"):
                found.append(cast("type[Rule]", member))
    return tuple(sorted(found, key=lambda rule: rule.code))


def needs(rule: type[Rule]) -> tuple[str, ...]:
    """The parts of `Facts` that the rule's `check` takes; a parameter with a default is wanted, not needed."""
    return tuple(
        name
        for name, parameter in inspect.signature(rule.check).parameters.items()
        if name != "self" and parameter.default is inspect.Parameter.empty
    )


def wants(rule: type[Rule]) -> tuple[str, ...]:
    """The parts of `Facts` that the rule's `check` can do without."""
    return tuple(
        name
        for name, parameter in inspect.signature(rule.check).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    )


def limits(rule: Rule) -> dict[str, int | float]:
    """The rule's numeric thresholds by name."""
    values = {field.name: getattr(rule, field.name) for field in fields(cast(Any, rule))}
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


def explain(
    rule: Named,
    origin: Origin,
    message: str,
    *,
    evidence: Mapping[str, Scalar],
    limits: Mapping[str, int | float],
    remedies: tuple[Remedy, ...],
    confidence: Confidence = "high",
) -> Finding:
    """The rule's finding about an origin: its severity, its place and its key come from the origin.

    What is known of its rows and of other batches is added to the message and the evidence.
    """
    if origin.seen_in_batches > 1:
        message = f"{message} Seen in {origin.seen_in_batches:,} batches, of which this is the first."
        evidence = {**evidence, "batches": origin.seen_in_batches}
    if origin.rows_note:
        message = f"{message} {origin.rows_note}"
    return Finding(
        rule=rule.code,
        cause=rule.cause,
        severity=origin.severity,
        title=rule.title,
        message=message,
        confidence=confidence,
        location=origin.location(),
        evidence=evidence,
        limits=limits,
        remedies=remedies,
        about=origin.about,
    )


def explain_source(
    rule: Named,
    place: SourcePlace,
    message: str,
    *,
    severity: Severity,
    evidence: Mapping[str, Scalar],
    remedies: tuple[Remedy, ...],
    phase: Phase | None = None,
    limits: Mapping[str, int | float] | None = None,
    confidence: Confidence = "high",
) -> Finding:
    """The rule's finding about a piece of source that was read, not run."""
    return Finding(
        rule=rule.code,
        cause=rule.cause,
        severity=severity,
        title=rule.title,
        message=message,
        confidence=confidence,
        location=place.location(phase),
        evidence=evidence,
        limits=limits or {},
        remedies=remedies,
        about=place.about,
    )


def apply_rules(rules: tuple[Rule, ...], facts: Facts) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    """Run each rule on the facts it needs; a rule whose needs are not met is skipped with the reason."""
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    for rule in rules:
        kind = type(rule)
        missing = [name for name in needs(kind) if getattr(facts, name) is None]
        if missing:
            reason = "; ".join(facts.unavailable.get(name, f"no {name} facts") for name in missing)
            skipped.append(Skipped(rule.code, rule.cause, reason))
            continue
        given = {name: getattr(facts, name) for name in (*needs(kind), *wants(kind))}
        findings.extend(rule.check(**{name: value for name, value in given.items() if value is not None}))
    return tuple(findings), tuple(skipped)
