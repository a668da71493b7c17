"""Infinities that are written in the source as a mask."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from nandoctor.probes.source.text import Edit, Source, found


def finite_mask(source: Source, line: int) -> list[Edit]:
    """-1e9 in the place of every negative infinity that is written in the function around the line."""
    return found(
        [Edit(source.start(one), source.end(one), "-1e9") for one in _negative_infinities(source, line)],
        f"no infinity is written in the function around line {line}",
    )


def function_at(source: Source, line: int) -> ast.AST:
    """The innermost function around a line, or the whole file."""
    around = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.Lambda) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno, default=source.tree)


def _negative_infinities(source: Source, line: int) -> Iterator[ast.expr]:
    for node in ast.walk(function_at(source, line)):
        if not isinstance(node, ast.expr):
            continue
        by_sign = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _is_infinity(source, node.operand)
        if by_sign or _is_float_of(node, ("-inf", "-infinity")):
            yield node


def _is_infinity(source: Source, node: ast.expr) -> bool:
    name = source.full_name(node)
    return name in ("numpy.inf", "math.inf") or _is_float_of(node, ("inf", "infinity"))


def _is_float_of(node: ast.expr, words: Sequence[str]) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float" and node.args):
        return False
    first = node.args[0]
    return isinstance(first, ast.Constant) and str(first.value).lower() in words
