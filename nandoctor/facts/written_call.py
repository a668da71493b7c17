"""The call of a function as it stands in the user's source line: what remedies quote."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass

from nandoctor.facts.origin import SourceLine


@dataclass(frozen=True)
class WrittenCall:
    """A call as the user wrote it: the `function` (`tf.math.log`) and its first `argument`, both as source text."""

    function: str
    argument: str

    def sibling(self, name: str) -> str:
        """Another function of the module that this one is called from: `tf.math.maximum`; TensorFlow's without one."""
        module, dot, _ = self.function.rpartition(".")
        return f"{module}{dot}{name}" if dot else f"tf.{name}"

    @property
    def clip(self) -> str:
        """The function that clips, of the library that this one is of: `ops.clip`; TensorFlow's without a module."""
        module = self.function.rpartition(".")[0]
        return (
            f"{module}.clip" if module and module.partition(".")[0] not in ("tf", "tensorflow") else "tf.clip_by_value"
        )


UNKNOWN = "the argument"


def written_call(source: SourceLine | None, names: Collection[str]) -> WrittenCall | None:
    """The one call on the line of a function of these names (`log`, whatever the module).

    None where there is none or several, or the line is no whole statement.
    """
    code = source.code.strip() if source is not None and source.code else ""
    tree = _parsed(code)
    if tree is None:
        return None
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and _name(one.func) in names]
    if len(calls) != 1 or not calls[0].args or isinstance(calls[0].args[0], ast.Starred):
        return None
    function, argument = (ast.get_source_segment(code, one) for one in (calls[0].func, calls[0].args[0]))
    return WrittenCall(function, argument) if function and argument else None


def kept_above(source: SourceLine | None, function: str, bound: str, further: str = "") -> str:
    """A function with its argument kept above a bound, in the user's own words where the line holds one such call.

    `tf.math.log(tf.maximum(sigma, 1e-7))`. `function` is what to say otherwise, `further` its other arguments.
    """
    found = written_call(source, {function.rpartition(".")[2]})
    if found is None:
        return f"{function}(tf.maximum({UNKNOWN}, {bound}){further})"
    return f"{found.function}({found.sibling('maximum')}({found.argument}, {bound}){further})"


def _parsed(code: str) -> ast.AST | None:
    # The head of a block (`with tape: loss = ...` over two lines) is no statement without a body.
    for text in (code, f"{code} pass"):
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError):
            continue
    return None


def _name(function: ast.expr) -> str | None:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None
