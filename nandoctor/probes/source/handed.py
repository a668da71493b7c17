"""What a script hands to Keras to be called there: schedules of the learning rate, constraints of weights."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nandoctor.probes.source.ops import guarded_argument, no_nan_division
from nandoctor.probes.source.text import Edit, Source, UnwritableError, found

# A step is counted from 0; divided by the root of it, it is to be counted from 1.
BOUNDS = {"Sqrt": "0.0", "Rsqrt": "1.0", "Pow": "0.0", "Log": "1e-7"}


def bounded_on_the_line(source: Source, line: int, op_type: str) -> list[Edit]:
    """The argument of the op of a schedule that failed, which is on that line; of all where it is not to be bounded."""
    if op_type not in BOUNDS:
        return bounded_schedule(source)
    return found(guarded_argument(source, line, op_type, BOUNDS[op_type]), f"no {op_type} was found on line {line}")


def bounded_schedule(source: Source) -> list[Edit]:
    """The arguments of roots, powers and logarithms in schedules of the learning rate kept at 0 or above."""
    edits: list[Edit] = []
    for function in (*_methods(source, "LearningRateSchedule"), *_scheduling(source)):
        for kind, bound in BOUNDS.items():
            edits += _on_each_line(source, function, kind, bound)
    return found(edits, "no root, power or logarithm was found in a schedule of the learning rate")


def guarded_constraint(source: Source) -> list[Edit]:
    """The divisions in constraints of weights made 0 where the divisor is 0."""
    edits: list[Edit] = []
    for method in _methods(source, "Constraint"):
        for line in sorted({node.lineno for node in ast.walk(method) if isinstance(node, ast.BinOp | ast.AugAssign)}):
            try:
                edits += no_nan_division(source, line)
            except UnwritableError:
                continue
    return found(edits, "no division was found in a constraint")


def _on_each_line(source: Source, function: ast.AST, op_type: str, bound: str) -> Iterator[Edit]:
    lines = {node.lineno for node in ast.walk(function) if isinstance(node, ast.Call | ast.BinOp)}
    for line in sorted(lines):
        try:
            yield from guarded_argument(source, line, op_type, bound)
        except UnwritableError:
            continue


def _methods(source: Source, base: str) -> Iterator[ast.FunctionDef]:
    """The `__call__` of each class that is derived from Keras' class of that name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and any(_ends(source, one, base) for one in node.bases):
            for one in node.body:
                if isinstance(one, ast.FunctionDef) and one.name == "__call__":
                    yield one


def _scheduling(source: Source) -> Iterator[ast.AST]:
    """The functions that are handed to a LearningRateScheduler."""
    for call in source.calls():
        if not (_ends(source, call.func, "LearningRateScheduler") and call.args):
            continue
        given = call.args[0]
        if isinstance(given, ast.Lambda):
            yield given
        for node in ast.walk(source.tree):
            if isinstance(given, ast.Name) and isinstance(node, ast.FunctionDef) and node.name == given.id:
                yield node


def _ends(source: Source, node: ast.expr, name: str) -> bool:
    return (source.full_name(node) or "").rpartition(".")[2] == name
