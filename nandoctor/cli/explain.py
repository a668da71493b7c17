"""`nandoctor explain`: what a rule finds, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nandoctor.errors import USAGE, NandoctorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nandoctor.rule import Rule


def explain(
    rule: Annotated[
        str | None, typer.Argument(metavar="RULE|CAUSE", help="A rule (ND201) or its cause (log-of-zero).")
    ] = None,
) -> None:
    """Explain a rule, or list all rules.

    The page says what the rule finds, on what evidence, its limit, the remedy, and gives an example.

    \b
    Examples:
      nandoctor explain
      nandoctor explain ND201
      nandoctor explain log-of-zero
    """
    from nandoctor.cli.catalogue import catalogue, rule_page
    from nandoctor.cli.output import print_text, terminal_width
    from nandoctor.rule import load_rules

    rules = load_rules()
    width = terminal_width()
    print_text(catalogue(rules, width) if rule is None else rule_page(named(rules, rule), width))


def named(rules: Sequence[type[Rule]], name: str) -> type[Rule]:
    """The rule with that code or cause; NandoctorError (exit code 2) with the nearest names if there is none."""
    from difflib import get_close_matches

    for rule in rules:
        if name.lower() in (rule.code.lower(), rule.cause):
            return rule
    near = get_close_matches(name.lower(), [name for rule in rules for name in (rule.code.lower(), rule.cause)])
    shown = [match.upper() if match.startswith("nd") else match for match in near]
    hint = f"did you mean {' or '.join(shown)}?" if shown else "`nandoctor explain` lists all rules"
    raise NandoctorError(f"no rule or cause is called {name!r}: {hint}", USAGE)
