"""Pieces of a file's text by the nodes that `ast` made of it."""

from __future__ import annotations

import ast

from nandoctor.facts.source import SourcePlace

_LONGEST = 200


class Places:
    """A file's path and lines: `place(node, function)` says where a node is, `of(node)` what it reads."""

    def __init__(self, path: str, source: bytes) -> None:
        self.path = path
        self._lines = source.splitlines()

    def of(self, node: ast.expr | ast.stmt) -> str:
        """The node's text in one line, cut where it is long; columns of `ast` count bytes of UTF-8."""
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        lines = self._lines[first : last + 1]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        text = " ".join(b" ".join(lines).decode("utf-8", "replace").split())
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."

    def place(self, node: ast.expr | ast.stmt, function: str | None) -> SourcePlace:
        """Where the node is, with the text of its first line."""
        code = self._lines[node.lineno - 1].decode("utf-8", "replace").strip()
        return SourcePlace(self.path, node.lineno, node.end_lineno or node.lineno, function, code)
