"""Changes of the data in front of a training: rows left out, columns standardized, labels renumbered."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from nandoctor.probes.source.text import Edit, Source, UnwritableError

_TRAINING = ("fit", "train_on_batch")
_WEIGHTS = "sample_weight"


@dataclass(frozen=True)
class Fed:
    """What a training is given: the names of the variables for its inputs, labels and weights, and where it begins.

    `keys` are the names of the inputs where they are given by name.
    """

    begins: ast.stmt
    inputs: tuple[str, ...]
    labels: tuple[str, ...]
    weights: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Each of the variables once."""
        return tuple(dict.fromkeys((*self.inputs, *self.labels, *self.weights)))


def finite_rows_only(source: Source, role: str, array: str | None) -> list[Edit]:
    """The rows in which an array is not finite left out of all arrays, in front of the training."""
    fed = _fed(source)
    np = source.spelled("numpy")
    bad = _array(fed, role, array)
    test = f"{np}.isfinite({bad}).reshape(len({bad}), -1).all(axis=1)"
    return _selected(source, fed, f"finite_rows = {test}", "finite_rows")


def rows_without(source: Source, role: str, array: str | None, value: float) -> list[Edit]:
    """The rows in which an array holds that value left out of all arrays."""
    fed = _fed(source)
    np = source.spelled("numpy")
    bad = _array(fed, role, array)
    test = f"~{np}.isclose({bad}, {value:.10g}).reshape(len({bad}), -1).any(axis=1)"
    return _selected(source, fed, f"measured_rows = {test}", "measured_rows")


def rows_left_out(source: Source, rows: Sequence[int]) -> list[Edit]:
    """The rows of these numbers left out of all arrays."""
    fed = _fed(source)
    np = source.spelled("numpy")
    lines = [f"{name} = {np}.delete({name}, {list(rows)}, axis=0)" for name in fed.all]
    return [source.line_before(fed.begins, "\n".join(lines))]


def labels_within(source: Source, low: int, high: int) -> list[Edit]:
    """The rows whose label is not in `low`..`high` left out of all arrays."""
    fed = _fed(source)
    np = source.spelled("numpy")
    name = _array(fed, "label", None)
    test = f"(({name} >= {low}) & ({name} <= {high})).reshape(len({name}), -1).all(axis=1)"
    return _selected(source, fed, f"known_rows = {np}.asarray({test})", "known_rows")


def labels_from_zero(source: Source) -> list[Edit]:
    """The least label subtracted from all."""
    fed = _fed(source)
    name = _array(fed, "label", None)
    return [source.line_before(fed.begins, f"{name} = {name} - {name}.min()")]


def standardized(source: Source, role: str, array: str | None) -> list[Edit]:
    """An array less its columns' means, divided by their standard deviations."""
    fed = _fed(source)
    source.spelled("numpy")
    name = _array(fed, role, array)
    return [source.line_before(fed.begins, f"{name} = ({name} - {name}.mean(axis=0)) / ({name}.std(axis=0) + 1e-7)")]


def finite_batches_only(source: Source) -> list[Edit]:
    """What a generator or a data set object gives to `fit` without the rows that are not finite."""
    np = source.spelled("numpy")
    calls = [one for one in source.calls() if isinstance(one.func, ast.Attribute) and one.func.attr == "fit"]
    if len(calls) != 1 or not calls[0].args or not isinstance(calls[0].args[0], ast.Call):
        raise UnwritableError("the file does not show one call of fit that is given batches")
    batches = calls[0].args[0]
    kind = batches.func.id if isinstance(batches.func, ast.Name) else ""
    made = next(
        (
            node
            for node in ast.walk(source.tree)
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == kind
        ),
        None,
    )
    if made is None:
        raise UnwritableError("what makes the batches is not written in the file")
    returns = [
        node.value
        for node in ast.walk(made)
        if isinstance(node, ast.Return | ast.Yield) and isinstance(node.value, ast.Tuple) and _in_batches(source, node)
    ]
    if len(returns) != 1 or len(returns[0].elts) != 2:
        raise UnwritableError("what makes the batches does not give inputs and labels at one place")
    given, statement = returns[0], source.statement(returns[0])
    test = f"finite_rows = {np}.isfinite(batch_inputs).reshape(len(batch_inputs), -1).all(axis=1)"
    text = f"batch_inputs, batch_labels = {source.of(given)}\n{test}"
    kept = "batch_inputs[finite_rows], batch_labels[finite_rows]"
    return [source.line_before(statement, text), Edit(source.start(given), source.end(given), kept)]


def _in_batches(source: Source, node: ast.AST) -> bool:
    around = source.parents[node]
    while not isinstance(around, ast.FunctionDef):
        around = source.parents[around]
    method = isinstance(source.parents[around], ast.ClassDef)
    return not method or around.name == "__getitem__"


def _fed(source: Source) -> Fed:
    """What the only training of the file is given; UnwritableError where it is not given variables."""
    found = [fed for call in source.calls() if (fed := _of_call(source, call)) is not None]
    if len(found) > 1:
        # A data set that is made of the variables is handed on without labels beside it.
        found = [one for one in found if one.labels]
    if len(found) != 1:
        count = "no" if not found else str(len(found))
        raise UnwritableError(f"the file shows {count} calls that are given the data as variables")
    return found[0]


def _of_call(source: Source, call: ast.Call) -> Fed | None:
    if not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr == "from_tensor_slices" and call.args and isinstance(call.args[0], ast.Tuple):
        given = [*call.args[0].elts]
        keywords: dict[str, ast.expr] = {}
    elif call.func.attr in _TRAINING:
        given = [*call.args]
        keywords = {one.arg: one.value for one in call.keywords if one.arg}
    else:
        return None
    inputs = given[0] if given else keywords.get("x")
    labels = given[1] if len(given) > 1 else keywords.get("y")
    if inputs is None:
        return None
    keys = (
        tuple(str(one.value) for one in inputs.keys if isinstance(one, ast.Constant))
        if isinstance(inputs, ast.Dict)
        else ()
    )
    names = _names(inputs), _names(labels), _names(keywords.get(_WEIGHTS))
    if not names[0] or (labels is not None and not names[1]):
        return None
    return Fed(_outermost(source, call), *names, keys)


def _names(given: ast.expr | None) -> tuple[str, ...]:
    """The variables behind what is given: one, several in a list or dictionary, or slices of them."""
    match given:
        case ast.Name():
            return (given.id,)
        case ast.Subscript():
            return _names(given.value)
        case ast.List() | ast.Tuple():
            each = [_names(one) for one in given.elts]
        case ast.Dict():
            each = [_names(one) for one in given.values]
        case ast.Call(args=[first, *_]):
            return _names(first)
        case _:
            return ()
    return tuple(name for names in each for name in names) if all(each) else ()


def _outermost(source: Source, call: ast.Call) -> ast.stmt:
    """The statement in front of which the data can be changed once: outside of all loops of its function."""
    statement = source.statement(call)
    around = source.parents[statement]
    while not isinstance(around, ast.Module | ast.FunctionDef):
        if isinstance(around, ast.For | ast.While):
            statement = around
        around = source.parents[around]
    return statement


def _array(fed: Fed, role: str, array: str | None) -> str:
    """The variable behind an array that a finding names."""
    names = {"label": fed.labels, "weight": fed.weights}.get(role, fed.inputs)
    if array in fed.keys and len(fed.keys) == len(names):
        return names[fed.keys.index(array)]
    if array in names:
        return str(array)
    if len(names) != 1:
        raise UnwritableError(f"it is not clear which variable holds {array or 'the array'}")
    return names[0]


def _selected(source: Source, fed: Fed, test: str, mask: str) -> list[Edit]:
    lines = [test, *(f"{name} = {name}[{mask}]" for name in fed.all)]
    return [source.line_before(fed.begins, "\n".join(lines))]
