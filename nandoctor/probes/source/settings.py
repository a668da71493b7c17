"""Numbers that a file gives its optimizers, and results that it throws away."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from nandoctor.facts.source import DiscardedResult, SourceRate
from nandoctor.probes.source.names import Names, own_statements, tensor_function
from nandoctor.probes.source.places import Places
from nandoctor.probes.source.survey import Survey

_OPTIMIZER = re.compile(r"^(keras\.optimizers\.(\w+\.)*[A-Z]\w*|tensorflow\.train\.\w+Optimizer)$")
_RATES = ("learning_rate", "lr", "initial_learning_rate")
CLIPS = frozenset({"clip_by_value", "clip_by_norm", "clip_by_global_norm", "clip_by_average_norm", "clip"})


def constants(body: Iterable[ast.stmt]) -> dict[str, float]:
    """The variables of a module that are given a number, and only that once."""
    found: dict[str, float] = {}
    assigned: set[str] = set()
    for statement in own_statements(body):
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    value = literal(statement.value, {})
                    if target.id in assigned or value is None:
                        found.pop(target.id, None)
                    else:
                        found[target.id] = value
                    assigned.add(target.id)
    return found


def literal(node: ast.expr | None, known: Mapping[str, float]) -> float | None:
    """The number that an expression is as it is written, or that a variable was given; None for any other."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            turned = literal(operand, known)
            return None if turned is None else -turned
        case ast.Name(id=name):
            return known.get(name)
        case _:
            return None


def rates(seen: Survey, names: Names, known: Mapping[str, float], text: Places) -> Iterator[SourceRate]:
    """The learning rates in the calls that make an optimizer or a schedule."""
    # Classes begin with a capital letter; an alias of one is not looked for.
    of_classes = [one for name, calls in seen.called.items() if name[:1].isupper() for one in calls]
    for call, function in of_classes:
        dotted = names.resolve(call.func) or ""
        if not _OPTIMIZER.match(dotted):
            continue
        given = next((one.value for one in call.keywords if one.arg in _RATES), None)
        value = literal(given if given is not None or not call.args else call.args[0], known)
        if value is not None:
            yield SourceRate(text.place(call, function.name if function else None), dotted.rpartition(".")[2], value)


def discarded(tree: ast.Module, seen: Survey, names: Names, text: Places) -> Iterator[DiscardedResult]:
    """Calls that clip something and whose result is dropped, or given to a variable of a function that nobody reads."""
    clipping = seen.around(CLIPS, names)
    for function in sorted(clipping, key=lambda one: one.lineno if one is not None else 0):
        body = tree.body if function is None else function.body
        inner = names if function is None else names.inside(function)
        yield from _discarded(body, inner, text, function.name if function else None)


def _discarded(body: list[ast.stmt], names: Names, text: Places, inside: str | None) -> Iterator[DiscardedResult]:
    for statement in own_statements(body):
        if isinstance(statement, ast.Expr):
            clip = _clip(statement.value, names)
            if clip is not None:
                yield DiscardedResult(text.place(statement, inside), clip)
        elif isinstance(statement, ast.Assign) and inside is not None:
            clip = _clip(statement.value, names)
            target = statement.targets[0]
            if isinstance(target, ast.Tuple) and target.elts and (clip or "").endswith("clip_by_global_norm"):
                target = target.elts[0]
            if clip is not None and isinstance(target, ast.Name) and not _read(target.id, body):
                yield DiscardedResult(text.place(statement, inside), clip, target.id)


def _clip(node: ast.expr, names: Names) -> str | None:
    """The clipping function that an expression calls, itself or for each element of a list."""
    if isinstance(node, ast.ListComp):
        node = node.elt
    if not isinstance(node, ast.Call) or any(one.arg == "out" for one in node.keywords):
        return None
    dotted = names.resolve(node.func)
    return dotted if tensor_function(dotted) in CLIPS else None


def _read(name: str, body: list[ast.stmt]) -> bool:
    """Whether the variable is read anywhere in the body, or may be read outside of it."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
                return True
            if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
                return True
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "locals":
                return True
    return False
