"""What arithmetic and indexing make of what is known of values."""

from __future__ import annotations

import ast
from dataclasses import replace

from nandoctor.probes.source.value import UNKNOWN, Value, minus, over, plus, squared, times, to_power


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
