"""What a name in Python source stands for: the dotted name that its imports and aliases lead to."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_LIBRARIES = ("tensorflow", "keras", "numpy")
_BUILTINS = frozenset(dir(builtins))
_WITH_BODIES = frozenset(
    {ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match}
)
# The many places that the same thing is imported from, and the one name that it gets here.
_SPELLINGS = (
    (re.compile(r"^tensorflow\.(compat\.v[12]|_api\.v[12])(?=\.|$)"), "tensorflow"),
    (re.compile(r"^(tensorflow\.(python\.)?keras|tf_keras)(?=\.|$)"), "keras"),
    (re.compile(r"^keras\.(src|api)(?=\.|$)"), "keras"),
    (re.compile(r"^tensorflow\.(?=(losses|metrics|optimizers|initializers)\.)"), "keras."),
)
_TENSOR_ROOMS = re.compile(
    r"^(tensorflow(\.(math|nn|linalg))?|keras\.(ops|backend|activations)(\.\w+)?|numpy(\.linalg)?|jax\.(numpy|nn))"
    r"\.(?P<name>\w+)$"
)


@cache
def canonical(dotted: str) -> str:
    """One spelling of each name: `tensorflow.keras.layers.Dense`, `keras.src.layers.Dense` -> `keras.layers.Dense`."""
    for pattern, name in _SPELLINGS:
        dotted = pattern.sub(name, dotted)
    return dotted


def tensor_function(dotted: str | None) -> str | None:
    """The bare name of a function of tensors: `log` for `tensorflow.math.log`, `keras.ops.log` and `numpy.log`.

    None for what is in none of `tf`, `tf.math`, `tf.nn`, `tf.linalg`, `keras.ops`, `keras.backend`, NumPy and JAX.
    """
    found = _TENSOR_ROOMS.match(dotted) if dotted else None
    return found["name"] if found else None


@dataclass(frozen=True)
class Names:
    """The names at a place: `bound` leads from each to the dotted name it stands for, to None from a variable.

    `stars` are the modules that everything was imported from. `Names.of(tree)` are a module's, `names.inside(function)`
    those in the body of one of its functions.
    """

    bound: dict[str, str | None] = field(default_factory=dict)
    stars: tuple[str, ...] = ()

    @classmethod
    def of(cls, module: ast.Module) -> Names:
        """The names of a module: what it imports, defines, and calls otherwise (`log = tf.math.log`)."""
        return cls()._with(module.body)

    def inside(self, function: Function) -> Names:
        """The names in the body of a function: its parameters and variables hide what is called the same outside."""
        parameters = function.args
        given = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs, parameters.vararg, parameters.kwarg]
        hidden = Names({**self.bound, **{one.arg: None for one in given if one is not None}}, self.stars)
        return hidden if isinstance(function, ast.Lambda) else hidden._with(function.body)

    def resolve(self, node: ast.AST) -> str | None:
        """The dotted name that an expression stands for: `tf.math.log` -> `tensorflow.math.log`; None for any other.

        A name that nothing binds stands for itself (`len`), or for what the last `import *` has brought.
        """
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value)
            return None if owner is None else canonical(f"{owner}.{node.attr}")
        if not isinstance(node, ast.Name):
            return None
        if node.id in self.bound:
            return self.bound[node.id]
        if self.stars and node.id not in _BUILTINS:
            return canonical(f"{self.stars[-1]}.{node.id}")
        return node.id

    def _with(self, body: Iterable[ast.stmt]) -> Names:
        inner = Names(dict(self.bound), self.stars)
        for statement in own_statements(body):
            if isinstance(statement, ast.Import):
                inner.bound.update(_imported(statement))
            elif isinstance(statement, ast.ImportFrom):
                module = "." * statement.level + (statement.module or "")
                names = [one for one in statement.names if one.name != "*"]
                inner.bound.update({one.asname or one.name: canonical(f"{module}.{one.name}") for one in names})
                if len(names) < len(statement.names):
                    inner = Names(inner.bound, (*inner.stars, canonical(module)))
            elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner.bound[statement.name] = statement.name
            else:
                for name, value in _assigned(statement):
                    stands_for = inner.resolve(value) if value is not None else None
                    of_library = stands_for is not None and stands_for.partition(".")[0] in _LIBRARIES
                    inner.bound[name] = stands_for if of_library else None
        return inner


def own_statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Each statement of a body and of its ifs, loops and withs, but not of the functions and classes it defines."""
    for statement in body:
        yield statement
        if statement.__class__ not in _WITH_BODIES:
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from own_statements(getattr(statement, part, ()))
        for branch in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from own_statements(branch.body)


def _imported(statement: ast.Import) -> dict[str, str | None]:
    """What it binds: `import a.b` the name `a`, `import a.b as c` all of it."""
    found: dict[str, str | None] = {}
    for alias in statement.names:
        top = alias.name.partition(".")[0]
        found[alias.asname or top] = canonical(alias.name if alias.asname else top)
    return found


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, ast.expr | None]]:
    """The variables that a statement binds, with the value where it is given to that one alone."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, value
                else:
                    yield from _variables(target)
        case ast.AnnAssign(target=ast.Name(id=name), value=value):
            yield name, value
        case ast.AugAssign(target=ast.Name(id=name)):
            yield name, None
        case ast.For(target=target) | ast.AsyncFor(target=target):
            yield from _variables(target)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield from _variables(item.optional_vars)
        case _:
            return


def _variables(target: ast.expr) -> Iterator[tuple[str, None]]:
    """The variables of a target such as `(a, *b), c`; what is assigned to an attribute or an item binds none."""
    if isinstance(target, ast.Name):
        yield target.id, None
    elif isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _variables(element)
    elif isinstance(target, ast.Starred):
        yield from _variables(target.value)
