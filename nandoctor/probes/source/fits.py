"""Calls of `fit`, and what their file says about the columns they are given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nandoctor.facts.source import SourceFit
from nandoctor.probes.source.places import Places
from nandoctor.probes.source.scope import path_of
from nandoctor.probes.source.survey import Survey

_LONGEST = 200
_TAKES_OUT = frozenset({"drop", "pop"})
_SCALES = re.compile(r"Normalization|Scaler|Rescaling|normalize|standardize|zscore|\bstd\b|nanstd", re.IGNORECASE)
_FILLS = re.compile(r"fillna|dropna|nan_to_num|Imputer|interpolate|isnan|isna|notna|is_nan|isfinite|is_finite")


def fits(tree: ast.Module, seen: Survey, trained: set[str], text: Places) -> Iterator[SourceFit]:
    """The calls of `fit` of the variables that hold a model."""
    calls = [(call, function) for call, function in seen.calls if _is_fit(call, trained)]
    if not calls:
        return
    nodes = list(ast.walk(tree))
    lists = _lists(tree)
    texts = tuple(sorted({one for node in nodes for one in _own_text(node)}))
    taken_out = tuple(sorted({one for node in nodes for one in _taken_out(node)}))
    picked = tuple(sorted({one for node in nodes for one in _picked(node, lists)}))
    called = " ".join(sorted({_called(node) for node in nodes}))
    cares = [name for name, pattern in (("scales", _SCALES), ("fills", _FILLS)) if pattern.search(called)]
    for call, function in calls:
        yield SourceFit(text.place(call, function.name if function else None), texts, taken_out, picked, tuple(cares))


def _is_fit(call: ast.Call, trained: set[str]) -> bool:
    function = call.func
    return isinstance(function, ast.Attribute) and function.attr == "fit" and path_of(function.value) in trained


def _own_text(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= _LONGEST:
        yield node.value


def _texts(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        yield from _own_text(one)


def _taken_out(node: ast.AST) -> Iterator[str]:
    """The columns that are dropped: `df.drop(columns=["a"])`, `df.pop("a")`, `del df["a"]`."""
    if (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TAKES_OUT
    ) or isinstance(node, ast.Delete):
        yield from _texts(node)


def _picked(node: ast.AST, lists: dict[str, ast.expr]) -> Iterator[str]:
    """The columns that are picked: `df[["a", "b"]]`, `df[FEATURES]`, `usecols=["a"]`."""
    given = None
    if isinstance(node, ast.Subscript):
        given = node.slice
    elif isinstance(node, ast.keyword) and node.arg in ("usecols", "select_columns"):
        given = node.value
    if isinstance(given, ast.Name):
        given = lists.get(given.id)
    if isinstance(given, ast.List):
        yield from _texts(given)


def _lists(tree: ast.Module) -> dict[str, ast.expr]:
    return {
        statement.targets[0].id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.List)
        and isinstance(statement.targets[0], ast.Name)
    }


def _called(node: ast.AST) -> str:
    """The last name of what is called."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
