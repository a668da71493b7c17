"""Fails, with a line for each, where a rule's docstring is no whole page; `make lint` runs it."""

from __future__ import annotations

import inspect
import sys

from nandoctor.rule import load_rules, missing_headings

lacking = [(rule, missing) for rule in load_rules() if (missing := missing_headings(rule))]
for rule, missing in lacking:
    told = f"{rule.code} {rule.cause} lacks {', '.join(missing)} in its docstring"
    print(f"{inspect.getsourcefile(rule)}: {told}", file=sys.stderr)
sys.exit(1 if lacking else 0)
