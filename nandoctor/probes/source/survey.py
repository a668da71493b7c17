"""The functions, classes, calls and tests of a module, collected in one walk, which costs half as much as parsing."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from nandoctor.probes.source.names import Names, tensor_function

Definition = ast.FunctionDef | ast.AsyncFunctionDef
_NOTED = frozenset(
    {ast.Call, ast.BinOp, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef}
    | {ast.If, ast.While, ast.IfExp, ast.Assert, ast.With, ast.AsyncWith, ast.AugAssign}
)
# Where no call, function or condition can be is not looked at.
_SKIPPED = frozenset(
    {"ctx", "op", "ops", "annotation", "returns", "type_comment", "kind", "names", "type_params", "format_spec"}
    | {"id", "attr", "arg", "module", "level", "asname", "name", "conversion", "simple", "is_async"}
)


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each kind of node that are worth a look, last first."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        # A default that is not given is None.
        leaf = kind in (ast.Constant, ast.Name, ast.arg) or not issubclass(kind, ast.AST)
        self[kind] = () if leaf else tuple(name for name in reversed(kind._fields) if name not in _SKIPPED)
        return self[kind]


_FIELDS = _Fields()


@dataclass
class Survey:
    """What there is in a module, each with the function around it (None at the module's level), in order of the text.

    `functions` are (definition, name of the class it is a method of, function around it); `called` are the calls by the
    last part of the name of what is called; `taped` are the functions with a `GradientTape`, `tests` the conditions of
    ifs, loops and assertions, `divided` the functions with a quotient or a power, `within_tapes` the names of functions
    of the module, or of methods of self, that are called while a tape records.
    """

    functions: list[tuple[Definition, str | None, Definition | None]] = field(default_factory=list)
    classes: list[ast.ClassDef] = field(default_factory=list)
    calls: list[tuple[ast.Call, Definition | None]] = field(default_factory=list)
    called: dict[str, list[tuple[ast.Call, Definition | None]]] = field(default_factory=dict)
    tests: list[tuple[ast.expr, Definition | None]] = field(default_factory=list)
    taped: set[Definition] = field(default_factory=set)
    divided: set[Definition | None] = field(default_factory=set)
    within_tapes: set[str] = field(default_factory=set)

    def around(self, functions: Collection[str], names: Names) -> set[Definition | None]:
        """The functions that call one of these functions of tensors, as far as names and their aliases tell."""
        found = {function for name in functions for _, function in self.called.get(name, ())}
        for alias, dotted in names.bound.items():
            if alias in self.called and alias not in functions and tensor_function(dotted) in functions:
                found |= {function for call, function in self.called[alias] if isinstance(call.func, ast.Name)}
        return found

    def with_outer(self, chosen: Iterable[Definition | None]) -> set[Definition | None]:
        """These functions, and all that they stand in."""
        around = {definition: outer for definition, _, outer in self.functions}
        found: set[Definition | None] = set()
        for one in chosen:
            outer = one
            while outer is not None and outer not in found:
                found.add(outer)
                outer = around[outer]
        return found


def called_name(call: ast.Call) -> str:
    """The last part of the name of what is called: `log` for `tf.math.log(x)`; empty for what has none."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def own_name(function: ast.expr) -> str:
    """The name of a function, or of a method of self; empty for any other expression."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self":
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def calls_in(node: ast.expr) -> Iterator[ast.Call]:
    """The calls in an expression, those further out first."""
    waiting: list[ast.AST] = [node]
    for one in waiting:
        if isinstance(one, ast.Call):
            yield one
        for name in reversed(_FIELDS[one.__class__]):
            part = getattr(one, name)
            if part.__class__ is list:
                waiting += part
            elif part is not None:
                waiting.append(part)


def survey(tree: ast.Module) -> Survey:
    """One walk over a module: function by function, so that the inner loop has but nodes to carry along."""
    found = Survey()
    bodies: list[tuple[list[ast.AST], Definition | None, str | None]] = [(list(reversed(tree.body)), None, None)]
    while bodies:
        stack, function, owner = bodies.pop()
        while stack:
            node = stack.pop()
            kind = node.__class__
            if kind in _NOTED:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    found.functions.append((node, owner, function))
                    bodies.append((_parts(node, "body"), node, None))
                    stack += _parts(node, "args", "decorator_list")
                    continue
                if isinstance(node, ast.ClassDef):
                    found.classes.append(node)
                    bodies.append((_parts(node, "body"), function, node.name))
                    continue
                _note(node, function, found)
            for name in _FIELDS[kind]:
                part = getattr(node, name)
                if part.__class__ is list:
                    stack += part[::-1]
                elif part is not None:
                    stack.append(part)
    return found


def _note(node: ast.AST, function: Definition | None, found: Survey) -> None:
    match node:
        case ast.Call():
            found.calls.append((node, function))
            found.called.setdefault(called_name(node), []).append((node, function))
        case ast.BinOp(op=ast.Div() | ast.Pow()) | ast.AugAssign(op=ast.Div() | ast.Pow()):
            found.divided.add(function)
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
            found.tests.append((test, function))
        case ast.With() | ast.AsyncWith() if function is not None and _names_tape(node):
            found.taped.add(function)
            inside = (one for statement in node.body for one in ast.walk(statement) if isinstance(one, ast.Call))
            found.within_tapes.update(own_name(call.func) for call in inside)


def _parts(node: ast.AST, *names: str) -> list[ast.AST]:
    """What is in these fields, last first."""
    parts: list[ast.AST] = []
    for name in names:
        part = getattr(node, name)
        parts += part if isinstance(part, list) else [part]
    return parts[::-1]


def _names_tape(statement: ast.With | ast.AsyncWith) -> bool:
    calls = [item.context_expr for item in statement.items if isinstance(item.context_expr, ast.Call)]
    return any(called_name(call) == "GradientTape" for call in calls)
