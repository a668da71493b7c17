"""Guards around an operation in the source: what a person would write by hand, at the place of the operation."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from nandoctor.probes.source.libraries import called_name, function_near, own_library
from nandoctor.probes.source.text import Edit, Source, UnwritableError, found

# The functions that an op comes from, by the last part of their names.
CALLED: Mapping[str, frozenset[str]] = {
    "Log": frozenset({"log"}),
    "Log1p": frozenset({"log1p"}),
    "Sqrt": frozenset({"sqrt"}),
    "Rsqrt": frozenset({"rsqrt"}),
    "Exp": frozenset({"exp"}),
    "Expm1": frozenset({"expm1"}),
    "Cosh": frozenset({"cosh"}),
    "Sinh": frozenset({"sinh"}),
    "Pow": frozenset({"pow", "power"}),
    "Acos": frozenset({"acos", "arccos"}),
    "Asin": frozenset({"asin", "arcsin"}),
    "Atanh": frozenset({"atanh", "arctanh"}),
    "Acosh": frozenset({"acosh", "arccosh"}),
    "RealDiv": frozenset({"divide", "truediv", "true_divide"}),
}
DEVIATION = frozenset({"reduce_std", "std"})
NORM = frozenset({"norm"})
_SMALLEST: Mapping[str, str] = {"Log": "1e-7", "Rsqrt": "1e-6", "Sqrt": "1e-12", "Pow": "1e-6"}


def guarded_argument(source: Source, line: int, op_type: str, bound: str | None = None) -> list[Edit]:
    """The argument of the op's calls on the line kept inside the op's domain, or from overflowing.

    `bound` is the least argument of a logarithm, root or power, or the largest magnitude of that of an exponential.
    """
    bound = _SMALLEST.get(op_type) if bound is None else bound
    edits: list[Edit] = []
    for call, argument in _arguments(source, line, op_type):
        match op_type:
            case "Log" | "Rsqrt" | "Sqrt" | "Pow":
                function, rest = "maximum", str(bound)
            case "Log1p":
                function, rest = "maximum", f"-1 + {bound or '1e-6'}"
            case "Acosh":
                function, rest = "maximum", f"1 + {bound or '1e-6'}"
            case "Acos" | "Asin" | "Atanh":
                function, rest = "clip", "-1 + 1e-6, 1 - 1e-6"
            case _:
                function, rest = "clip", f"-{bound or '20.0'}, {bound or '20.0'}"
        edits += _wrapped(source, argument, f"{function_near(source, call, function)}(", f", {rest})")
    return edits


def double_where(source: Source, line: int, op_type: str) -> list[Edit]:
    """What the op of a guarded branch is given made safe as well, by the guard's own condition."""
    sites = [one for _, one in _arguments(source, line, op_type)] if op_type != "RealDiv" else []
    sites += [one.right for one in _divisions(source, line)] if op_type == "RealDiv" else []
    if not sites:
        raise UnwritableError(f"no {op_type} was found on line {line}")
    edits: list[Edit] = []
    for site in sites:
        where, branch = _where_around(source, site)
        condition, value = source.of(where.args[0]), source.of(site)
        same = function_near(source, where, "where")
        ones = f"{function_near(source, where, 'ones_like')}({value})"
        if branch == 1:
            edits += _wrapped(source, site, f"{same}({condition}, ", f", {ones})")
        else:
            edits += _wrapped(source, site, f"{same}({condition}, {ones}, ", ")")
    return edits


def no_nan_division(source: Source, line: int) -> list[Edit]:
    """`divide_no_nan(a, b)` in the place of the divisions on the line: 0 where the divisor is 0."""
    edits: list[Edit] = []
    for division in _divisions(source, line):
        name = own_library(source, "divide_no_nan")
        edits.append(Edit(source.start(division), source.start(division), f"{name}("))
        edits.append(_operator(source, division, ", "))
        edits.append(Edit(source.end(division), source.end(division), ")"))
    for call in _calls(source, line, CALLED["RealDiv"]):
        function = function_near(source, call, "divide_no_nan")
        edits.append(Edit(source.start(call.func), source.end(call.func), function))
    for augmented in _augmented(source, line):
        target, name = source.of(augmented.target), own_library(source, "divide_no_nan")
        begin = f"{target} = {name}({target}, "
        edits.append(Edit(source.start(augmented), source.start(augmented.value), begin))
        edits.append(Edit(source.end(augmented), source.end(augmented), ")"))
    return found(edits, f"no division was found on line {line}")


def kept_divisor(source: Source, line: int, bound: str, *, signed: bool) -> list[Edit]:
    """The divisors on the line kept away from 0, with `signed` on their own side of it."""
    edits: list[Edit] = []
    divisors: list[ast.expr] = [one.right for one in _divisions(source, line)]
    divisors += [one.value for one in _augmented(source, line)]
    divisors += [one.args[1] for one in _calls(source, line, CALLED["RealDiv"]) if len(one.args) == 2]
    for divisor in divisors:
        if not signed:
            edits += _wrapped(source, divisor, f"{own_library(source, 'maximum')}(", f", {bound})")
            continue
        where, value = own_library(source, "where"), source.of(divisor)
        absolute = f"{where}(({value}) < 0, -({value}), {value})"
        edits += _wrapped(
            source, divisor, f"{where}({absolute} < {bound}, {where}(({value}) < 0, -{bound}, {bound}), ", ")"
        )
    return found(edits, f"no division was found on line {line}")


def epsilon_under_root(source: Source, line: int, epsilon: str = "1e-12") -> list[Edit]:
    """An epsilon under the roots on the line, also those inside of a standard deviation or a norm."""
    edits: list[Edit] = []
    for call in _calls(source, line, CALLED["Sqrt"]):
        edits += _wrapped(source, _first(source, call), "", f" + {epsilon}")
    for call in _calls(source, line, DEVIATION):
        root, variance = function_near(source, call, "sqrt"), function_near(source, call, "variance")
        edits.append(Edit(source.start(call), source.end(call.func), f"{root}({variance}"))
        edits.append(Edit(source.end(call), source.end(call), f" + {epsilon})"))
    for call in _calls(source, line, NORM):
        edits += _safe_norm(source, call, epsilon)
    return found(edits, f"no square root, standard deviation or norm was found on line {line}")


def stable_log_cosh(source: Source, line: int) -> list[Edit]:
    """`x + softplus(-2x) - log(2)` in the place of `log(cosh(x))`, which is the same and does not overflow."""
    for call in _calls(source, line, CALLED["Log"]):
        inner = call.args[0] if call.args else None
        if isinstance(inner, ast.Call) and called_name(source, inner) == "cosh" and len(inner.args) == 1:
            value = source.of(inner.args[0])
            softplus, log = function_near(source, call, "softplus"), function_near(source, call, "log")
            stable = f"(({value}) + {softplus}(-2.0 * ({value})) - {log}(2.0))"
            return [Edit(source.start(call), source.end(call), stable)]
    raise UnwritableError(f"no log(cosh(x)) was found on line {line}")


def _arguments(source: Source, line: int, op_type: str) -> list[tuple[ast.expr, ast.expr]]:
    """The expressions on the line that make an op of that type, and the argument of each."""
    calls = _calls(source, line, CALLED.get(op_type, frozenset()))
    found: list[tuple[ast.expr, ast.expr]] = [(call, _first(source, call)) for call in calls]
    if op_type == "Pow":
        found += [(one, one.left) for one in _binary(source, line, ast.Pow)]
    if not found:
        raise UnwritableError(f"no {op_type} was found on line {line}")
    return found


def _calls(source: Source, line: int, names: frozenset[str]) -> list[ast.Call]:
    """The calls of known libraries on the line; of those that span it only where none begins on it."""
    called = [one for one in source.calls() if called_name(source, one) in names]
    around = [one for one in called if one.lineno <= line <= (one.end_lineno or 0)]
    return [one for one in around if one.lineno == line] or around


def _divisions(source: Source, line: int) -> list[ast.BinOp]:
    divisions = _binary(source, line, ast.Div)
    unknown = [one for one in divisions if not isinstance(one.right, ast.Constant)]
    if len(unknown) > 1:
        raise UnwritableError(f"there are {len(unknown)} divisions on line {line}")
    return unknown


def _augmented(source: Source, line: int) -> list[ast.AugAssign]:
    return [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div) and node.lineno == line
    ]


def _binary(source: Source, line: int, operator: type[ast.operator]) -> list[ast.BinOp]:
    return [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, operator)
        and node.lineno <= line <= (node.end_lineno or 0)
    ]


def _operator(source: Source, node: ast.BinOp, text: str) -> Edit:
    """The operator of the node, with the spaces around it, replaced."""
    start, end = source.end(node.left), source.start(node.right)
    between = source.text[start:end]
    if "#" in between or "\\" in between or between.count("/") != 1:
        raise UnwritableError(f"the division on line {node.lineno} is written over several lines")
    left, right = between.split("/")
    return Edit(start + len(left.rstrip()), end - len(right.lstrip()), text)


def _first(source: Source, call: ast.Call) -> ast.expr:
    named = [one.value for one in call.keywords if one.arg in ("x", "input", "tensor", "features", "a")]
    found = call.args[0] if call.args else next(iter(named), None)
    if found is None or isinstance(found, ast.Starred):
        raise UnwritableError(f"the argument of {source.of(call.func)} on line {call.lineno} is not written there")
    return found


def _safe_norm(source: Source, call: ast.Call, epsilon: str) -> Iterator[Edit]:
    known = all(one.arg in ("axis", "keepdims", "name") for one in call.keywords)
    if len(call.args) != 1 or not known:
        raise UnwritableError(f"the norm on line {call.lineno} is not the plain Euclidean one")
    root, total, square = (function_near(source, call, name) for name in ("sqrt", "sum", "square"))
    yield Edit(source.start(call), source.end(call.func), f"{root}({total}")
    yield from _wrapped(source, call.args[0], f"{square}(", ")")
    yield Edit(source.end(call), source.end(call), f" + {epsilon})")


def _where_around(source: Source, node: ast.AST) -> tuple[ast.Call, int]:
    """The `where` that selects what the node belongs to, and as which of its arguments."""
    while node in source.parents and not isinstance(node, ast.stmt):
        around = source.parents[node]
        if (
            isinstance(around, ast.Call)
            and called_name(source, around) in ("where", "switch")
            and node in around.args[1:3]
        ):
            return around, around.args.index(node)
        node = around
    raise UnwritableError("the guard is not in the same statement as what it guards")


def _wrapped(source: Source, node: ast.expr, before: str, after: str) -> list[Edit]:
    start, end = source.start(node), source.end(node)
    return [Edit(start, start, before), Edit(end, end, after)]
