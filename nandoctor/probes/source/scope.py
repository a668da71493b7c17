"""Where an expression stands, and what its variables are called."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace

from nandoctor.facts.source import SourceContext
from nandoctor.probes.source.names import Names
from nandoctor.probes.source.value import Value

CALLED_EPSILON = re.compile(r"(^|_)(eps|epsilon|smooth|smoothing|tiny|fuzz|jitter)(_|$|\d)", re.IGNORECASE)


@dataclass
class Scope:
    """Where an expression stands: the names and values there, its function, and what is known of the function.

    `tested` are the names that the function compares with something, `made_of` the expression that each variable was
    last given, `differentiated` whether a gradient is taken.
    """

    names: Names
    values: dict[str, Value]
    inside: str | None = None
    context: SourceContext = "other"
    differentiated: bool = False
    tested: frozenset[str] = frozenset()
    made_of: dict[str, ast.expr] = field(default_factory=dict)

    def copy(self) -> Scope:
        """The same place with variables of its own."""
        return replace(self, values=dict(self.values), made_of=dict(self.made_of))


def path_of(node: ast.AST) -> str | None:
    """`x`, `self.x`: the key of a variable; None for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = path_of(node.value)
        return None if owner is None else f"{owner}.{node.attr}"
    return None


def variables(node: ast.expr, scope: Scope) -> frozenset[str]:
    """The variables in an expression, and those in the expressions that these were given."""
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    for name in tuple(found):
        if name in scope.made_of:
            found |= {one.id for one in ast.walk(scope.made_of[name]) if isinstance(one, ast.Name)}
    return frozenset(name for name in found if scope.names.bound.get(name) is None)
