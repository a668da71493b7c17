"""A file of Python source: its tree, what its names stand for, and changes of its text that leave the rest as it is."""

from __future__ import annotations

import ast
import difflib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nandoctor.probes.source.names import Function, Names


class UnwritableError(Exception):
    """A change that cannot be written into the source; the message is a reason that a person can read."""


@dataclass(frozen=True)
class Edit:
    """Text in the place of what stands between two offsets; an insertion where these are the same."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Source:
    """The text of a file."""

    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its tree; UnwritableError where it is no Python."""
        try:
            return ast.parse(self.text)
        except (SyntaxError, ValueError) as error:
            raise UnwritableError("the file is not Python source that can be parsed") from error

    @cached_property
    def names(self) -> Names:
        """What the names of the file stand for outside of its functions."""
        return Names.of(self.tree)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node around each node."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in lines_of(self.text):
            starts.append(starts[-1] + len(line))
        return starts

    @cached_property
    def _known(self) -> dict[ast.AST, Names]:
        return {}

    def _inside(self, function: Function, names: Names) -> Names:
        if function not in self._known:
            self._known[function] = names.inside(function)
        return self._known[function]

    @property
    def _line_break(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def full_name(self, node: ast.AST) -> str | None:
        """What a dotted name stands for where it is written: `tensorflow.math.log` for `tf.math.log`."""
        around, names = [], self.names
        outer: ast.AST | None = node
        while outer is not None:
            if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                around.append(outer)
            outer = self.parents.get(outer)
        for function in reversed(around):
            names = self._inside(function, names)
        return names.resolve(node)

    def spelled(self, full_name: str) -> str:
        """How this file can say the name by what it imports; UnwritableError where it imports nothing of it."""
        bound = {name: base for name, base in self.names.bound.items() if base is not None and "." not in name}
        spellings = [
            name + full_name[len(base) :]
            for name, base in bound.items()
            if full_name == base or full_name.startswith(f"{base}.")
        ]
        if full_name.startswith("keras."):
            spellings += [f"{name}.{full_name}" for name, base in bound.items() if base == "tensorflow"]
        if not spellings:
            raise UnwritableError(f"the file does not import {full_name.split('.', maxsplit=1)[0]}")
        return min(spellings, key=len)

    def imports(self, module: str) -> bool:
        """Whether the file has a name for the module."""
        return module in self.names.bound.values()

    def place(self, line: int, column: int) -> int:
        """The offset of a line (from 1) and of a column as `ast` counts it, in bytes."""
        start = self._starts[line - 1]
        whole = self.text[start : self._starts[line]]
        return start + len(whole.encode()[:column].decode())

    def start(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        """Where the node begins."""
        return self.place(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        """Where the node ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.place(node.end_lineno, node.end_col_offset)

    def of(self, node: ast.expr | ast.stmt) -> str:
        """The text of the node."""
        return self.text[self.start(node) : self.end(node)]

    def calls(self) -> Iterator[ast.Call]:
        """All calls, in the order in which they are written."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        yield from sorted(found, key=lambda node: (node.lineno, node.col_offset))

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement around a node."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def line_before(self, statement: ast.stmt, text: str) -> Edit:
        """The insertion of lines in front of a statement, as far to the right as it."""
        first = self._starts[statement.lineno - 1]
        indent = self.text[first : self.start(statement)]
        if indent.strip():
            raise UnwritableError(f"line {statement.lineno} holds more than one statement")
        return Edit(first, first, "".join(f"{indent}{line}{self._line_break}" for line in text.splitlines()))

    def changed(self, edits: Sequence[Edit]) -> str:
        """The text with the edits made; of insertions at one place the first of the sequence stands first."""
        parts, done = [], 0
        for edit in sorted(edits, key=lambda one: (one.start, one.end)):
            if edit.start < done:
                raise UnwritableError("the places to change lie within each other")
            parts += [self.text[done : edit.start], edit.text]
            done = edit.end
        return "".join([*parts, self.text[done:]])


def found(edits: Sequence[Edit], otherwise: str) -> list[Edit]:
    """The edits; UnwritableError for the reason given where there are none."""
    if not edits:
        raise UnwritableError(otherwise)
    return list(edits)


def read_source(path: Path) -> Source:
    """The source in a file; UnwritableError where there is none that can be read, or none in UTF-8."""
    try:
        return Source(path.read_bytes().decode())
    except OSError as error:
        raise UnwritableError(f"{path}: the source cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnwritableError(f"{path}: the source is not in UTF-8") from error


def lines_of(text: str) -> list[str]:
    """The lines as Python counts them, with their ends; `splitlines` knows more ends of a line than Python."""
    return list(io.StringIO(text, newline=""))


def unified_diff(before: str, after: str, path: str) -> str:
    """The change as `patch -p0` takes it, of a file that is named as it is found from the working folder.

    UnwritableError where `difflib` would run two lines together.
    """
    if not before.endswith(("\n", "\r")):
        raise UnwritableError("the file does not end with a line break")
    # A tab ends a name that holds spaces.
    name = f"{path}\t" if " " in path else path
    return "".join(difflib.unified_diff(lines_of(before), lines_of(after), name, name))
