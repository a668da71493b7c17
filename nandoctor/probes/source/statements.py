"""The statements of a module in their order, each function in its context."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from nandoctor.probes.source.contexts import PREDICTION, Contexts, is_tape
from nandoctor.probes.source.evaluate import Evaluator
from nandoctor.probes.source.names import Names, own_statements
from nandoctor.probes.source.recording import RISKY
from nandoctor.probes.source.scope import CALLED_EPSILON, Scope, path_of
from nandoctor.probes.source.settings import literal
from nandoctor.probes.source.survey import Definition, Survey
from nandoctor.probes.source.value import ABOVE_ZERO, EPSILON, UNKNOWN, Value, joined, number, within

_PREDICTION = Value(
    reaches=((0.0, "a prediction may be exactly 0"), (1.0, "a prediction may be exactly 1")),
    made_by="prediction",
    tensor=True,
)
_TENSOR = replace(UNKNOWN, tensor=True)
_SETTING = within(ABOVE_ZERO, float("inf"), made_by="setting")
_LEAVES = ast.Return | ast.Raise | ast.Continue | ast.Break


class Statements:
    """Goes through a module's statements; what it finds is in the evaluator."""

    def __init__(self, evaluator: Evaluator, contexts: Contexts, seen: Survey, names: Names) -> None:
        self._evaluator = evaluator
        self._contexts = contexts
        self._tests: dict[Definition | None, list[ast.expr]] = {}
        for test, function in seen.tests:
            self._tests.setdefault(function, []).append(test)
        # Only where something may go wrong is a function looked at statement by statement.
        risky = seen.around(RISKY, names) | seen.divided
        self._worth_it = seen.with_outer(risky)
        self._nothing = not risky
        self._within_tapes = seen.within_tapes

    def module(self, tree: ast.Module, names: Names) -> None:
        """All statements of a module."""
        if self._nothing:
            return
        self._run(tree.body, Scope(names, {}, tested=self._tested(None)))

    def _run(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self._statement(statement, scope)

    def _statement(self, statement: ast.stmt, scope: Scope) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                found = self._value(value, scope)
                for target in targets:
                    _bind(target, found, value, scope)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                _bind(target, self._value(value, scope), value, scope)
            case ast.AugAssign(target=target, op=operator, value=value):
                whole = ast.copy_location(ast.BinOp(_read(target), operator, value), statement)
                _bind(target, self._evaluator.of(whole, scope), whole, scope)
            case ast.Expr(value=value) | ast.Return(value=value) if value is not None:
                self._value(value, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if statement in self._worth_it:
                    self._function(statement, scope)
            case ast.ClassDef(body=body):
                self._run(body, scope.copy())
            case _:
                self._compound(statement, scope)

    def _compound(self, statement: ast.stmt, scope: Scope) -> None:
        """A statement with bodies of its own."""
        match statement:
            case ast.If(test=test, body=body, orelse=orelse):
                self._evaluator.of(test, scope)
                self._branches(body, orelse, scope)
            case ast.For(target=target, iter=iterated) | ast.AsyncFor(target=target, iter=iterated):
                self._evaluator.of(iterated, scope)
                _bind(target, _TENSOR, None, scope)
                self._loop(statement.body, statement.orelse, scope)
            case ast.While(test=test, body=body, orelse=orelse):
                _forget(body, scope)
                self._evaluator.of(test, scope)
                self._loop(body, orelse, scope)
            case ast.With() | ast.AsyncWith():
                self._with(statement, scope)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                self._run([*body, *orelse], scope)
                for handler in handlers:
                    self._run(handler.body, scope.copy())
                self._run(finalbody, scope)
            case _:
                return

    def _value(self, node: ast.expr, scope: Scope) -> Value:
        """What is known of an expression; a function without a name is in the context that it is handed over for."""
        for child in ast.walk(node) if self._contexts.lambdas else ():
            context = self._contexts.of(child) if isinstance(child, ast.Lambda) else None
            if context is not None and isinstance(child, ast.Lambda):
                inner = replace(scope.copy(), context=context, differentiated=True)
                inner.values.update(_parameters(child, is_loss=context == "loss"))
                inner.names = scope.names.inside(child)
                self._evaluator.of(child.body, inner)
        return self._evaluator.of(node, scope)

    def _function(self, definition: Definition, scope: Scope) -> None:
        context = self._contexts.of(definition) or scope.context
        names = scope.names.inside(definition)
        taped = [
            one
            for one in own_statements(definition.body)
            if isinstance(one, ast.With | ast.AsyncWith) and is_tape(one, names)
        ]
        inner = Scope(
            names=names,
            values={**scope.values, **_parameters(definition, is_loss=context == "loss")},
            inside=definition.name,
            context=context,
            differentiated=context != "other" and (not taped or definition.name in self._within_tapes),
            tested=scope.tested | self._tested(definition),
            made_of=dict(scope.made_of),
        )
        self._run(definition.body, inner)

    def _tested(self, function: Definition | None) -> frozenset[str]:
        """The variables that a function compares with something in an `if`, a `while`, an assertion."""
        return frozenset(name for test in self._tests.get(function, ()) for name in _compared(test))

    def _branches(self, body: list[ast.stmt], orelse: list[ast.stmt], scope: Scope) -> None:
        """Either body; what both go on with is what either knows."""
        ends = []
        for branch in (body, orelse):
            inner = scope.copy()
            self._run(branch, inner)
            if not (branch and isinstance(branch[-1], _LEAVES)):
                ends.append(inner)
        if not ends:
            return
        one, other = ends[0], ends[-1]
        for key in one.values.keys() | other.values.keys():
            first, second = one.values.get(key), other.values.get(key)
            if first is None or second is None:
                scope.values[key] = first or second or UNKNOWN
            elif first is not second:
                scope.values[key] = joined([first, second])
            else:
                scope.values[key] = first
        scope.made_of.update({**one.made_of, **other.made_of})

    def _loop(self, body: list[ast.stmt], orelse: list[ast.stmt], scope: Scope) -> None:
        _forget(body, scope)
        self._run(body, scope)
        self._run(orelse, scope)

    def _with(self, statement: ast.With | ast.AsyncWith, scope: Scope) -> None:
        for item in statement.items:
            self._evaluator.of(item.context_expr, scope)
        if not is_tape(statement, scope.names):
            self._run(statement.body, scope)
            return
        before = scope.differentiated, scope.context
        scope.differentiated = True
        scope.context = "train-step" if scope.context == "other" else scope.context
        self._run(statement.body, scope)
        scope.differentiated, scope.context = before


def _parameters(function: Definition | ast.Lambda, *, is_loss: bool) -> dict[str, Value]:
    """What is known of the parameters: of a loss the prediction, of others what their names and defaults tell."""
    arguments = function.args
    given = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    defaults: dict[str, ast.expr | None] = dict.fromkeys([*given, *(one.arg for one in arguments.kwonlyargs)])
    defaults.update(zip(reversed(given), reversed(arguments.defaults), strict=False))
    defaults.update(zip((one.arg for one in arguments.kwonlyargs), arguments.kw_defaults, strict=True))
    found = {name: _parameter(name, default) for name, default in defaults.items()}
    if is_loss:
        own = [name for name in given if name not in ("self", "cls")]
        predictions = [name for name in own if PREDICTION.match(name)]
        for name in predictions or (own[1:2] if len(own) == 2 else ()):
            found[name] = _PREDICTION
    return found


def _parameter(name: str, default: ast.expr | None) -> Value:
    given = literal(default, {}) if default is not None else None
    if CALLED_EPSILON.search(name):
        return EPSILON if not given else number(given)
    if default is None:
        return _TENSOR
    return _SETTING if given is not None and given > 0 else UNKNOWN


def _bind(target: ast.expr, value: Value, written: ast.expr | None, scope: Scope) -> None:
    if isinstance(target, ast.Tuple | ast.List):
        parts = value.items if len(value.items) == len(target.elts) else (replace(value, items=()),) * len(target.elts)
        pieces = written.elts if isinstance(written, ast.Tuple) and len(written.elts) == len(target.elts) else None
        for number, element in enumerate(target.elts):
            _bind(element, parts[number], pieces[number] if pieces else written, scope)
        return
    key = path_of(target.value if isinstance(target, ast.Starred) else target)
    if key is not None:
        scope.values[key] = value
        if written is not None:
            scope.made_of[key] = written


def _read(target: ast.expr) -> ast.expr:
    """The target of `x += 1` as it is read."""
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    return target


def _forget(body: list[ast.stmt], scope: Scope) -> None:
    """Of what a loop's body assigns nothing is known when the body begins again."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in scope.values:
                scope.values[node.id] = replace(UNKNOWN, tensor=scope.values[node.id].tensor)


def _compared(test: ast.expr) -> Iterable[str]:
    match test:
        case ast.Compare(left=left, ops=operators, comparators=comparators):
            if not isinstance(operators[0], ast.Is | ast.IsNot | ast.In | ast.NotIn):
                for part in (left, *comparators):
                    yield from _compared(part)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _compared(value)
        case ast.UnaryOp(operand=operand):
            yield from _compared(operand)
        case ast.Call(args=[argument]):
            yield from _compared(argument)
        case ast.Name() | ast.Attribute():
            path = path_of(test)
            if path is not None:
                yield path
        case _:
            return
