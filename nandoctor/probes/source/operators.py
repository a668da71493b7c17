"""What arithmetic and indexing make of what is known of values."""

from __future__ import annotations

import ast
from dataclasses import replace

from nandoctor.probes.source.value import UNKNOWN, Value, minus, over, plus, squared, times, to_power

_FIRST = ("condition", "x", "x1", "t", "tensor", "input_tensor", "y", "x2")


def operate(node: ast.expr, operator: ast.operator, left: Value, right: Value) -> Value:
    """What an arithmetic operator makes of two values."""
    match operator:
        case ast.Add():
            return plus(left, right)
        case ast.Sub():
            return minus(left, right)
        case ast.Mult():
            same = isinstance(node, ast.BinOp) and ast.dump(node.left) == ast.dump(node.right)
            return squared(left) if same else times(left, right)
        case ast.Div():
            return over(left, right)
        case ast.Pow():
            return to_power(left, right.constant)
        case _:
            return replace(UNKNOWN, tensor=left.tensor or right.tensor)


def part_of(value: Value, index: ast.expr) -> Value:
    """A part of a tuple, or a piece of a tensor, of which the same is known."""
    if value.items and isinstance(index, ast.Constant) and isinstance(index.value, int):
        return value.items[index.value] if -len(value.items) <= index.value < len(value.items) else UNKNOWN
    return replace(value, items=())


def by_place(call: ast.Call) -> ast.Call:
    """A call of a function of tensors with its first arguments by place where it names them: `log(x=p)` -> `log(p)`."""
    named = {one.arg: one for one in call.keywords}
    first = [named[name] for name in _FIRST if name in named]
    if call.args or not first:
        return call
    rest = [one for one in call.keywords if one not in first]
    return ast.copy_location(ast.Call(call.func, [one.value for one in first], rest), call)
