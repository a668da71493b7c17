"""The rules as pages and tables for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from tabulate import SEPARATING_LINE, tabulate

from nandoctor.reports.wrapping import cell, wrap
from nandoctor.rule import Rule, limits, page
from nandoctor.wording import number

FAMILIES: Mapping[str, str] = {
    "ND1": "Data",
    "ND2": "Forward pass",
    "ND3": "Backward pass",
    "ND4": "Training dynamics",
    "ND5": "Loss and head",
    "ND6": "Weights and initialization",
    "ND7": "Hazards",
    "ND8": "Source code",
}
_WIDEST = 100
# tabulate makes a column at least two characters wider than its header.
_FAMILY, _RULE, _GAP = 14, 6, 2


def catalogue(rules: Sequence[type[Rule]], width: int) -> str:
    """All rules by family as one table in lines of at most `width` characters (60 at least), with a final newline."""
    width = max(width, 60)
    causes = 20 if width < 80 else 30
    left = width - _FAMILY - _RULE - causes - 3 * _GAP
    rows: list[list[str] | str] = []
    for family, members in families(rules):
        if rows:
            rows.append(SEPARATING_LINE)
        for index, rule in enumerate(members):
            shown = cell(family, _FAMILY) if index == 0 else ""
            rows.append([shown, rule.code, cell(rule.cause, causes), cell(rule.title, left)])
    table = tabulate(rows, headers=["family", "rule", "cause", "title"], tablefmt="simple", disable_numparse=True)
    return f"{table}\n\n`nandoctor explain NAME` prints a rule's page.\n"


def readme_table(rules: Sequence[type[Rule]]) -> str:
    """All rules as one Markdown table."""
    rows = [[family, rule.code, f"`{rule.cause}`", rule.title] for family, group in families(rules) for rule in group]
    return tabulate(
        rows, headers=["family", "rule", "cause", "what it names"], tablefmt="github", disable_numparse=True
    )


def rule_page(rule: type[Rule], width: int) -> str:
    """The rule's page in lines of at most `width` characters (100 at most; code as it is), with a final newline."""
    width = min(width, _WIDEST)
    sections = page(rule)
    lines = wrap(f"{rule.code} {rule.cause}: {rule.title}", width)
    lines += ["", *wrap(flowing(sections.pop("")), width)]
    for heading, text in sections.items():
        lines += ["", heading]
        body = text.splitlines() if heading == "Example" else wrap(flowing(text), width - 2)
        lines += [f"  {line}".rstrip() for line in body]
    thresholds = limits(rule())
    if thresholds:
        lines += ["", "Thresholds", *(f"  {name} = {number(value)}" for name, value in thresholds.items())]
    return "\n".join(lines) + "\n"


def families(rules: Sequence[type[Rule]]) -> Iterator[tuple[str, list[type[Rule]]]]:
    """The rules by the family that their code begins with, in order of their codes."""
    for prefix, members in groupby(sorted(rules, key=lambda rule: rule.code), key=lambda rule: rule.code[:3]):
        yield FAMILIES[prefix], list(members)


def flowing(text: str) -> str:
    """Each paragraph and each list item in one line, so that it can be wrapped anew."""
    return re.sub(r"(?<!\n)\n(?!\n|\s*[-*] )[ \t]*", " ", text)
