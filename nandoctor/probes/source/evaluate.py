"""What is known of each expression in a function, statement by statement, and the operations met on the way."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nandoctor.facts.source import OperationKind
from nandoctor.probes.source.activations import activated, activation_of
from nandoctor.probes.source.functions import MASK, transfer
from nandoctor.probes.source.names import tensor_function
from nandoctor.probes.source.operators import by_place, operate, part_of
from nandoctor.probes.source.recording import RISKY, Recorded, is_safe
from nandoctor.probes.source.scope import CALLED_EPSILON, Scope, path_of, variables
from nandoctor.probes.source.value import (
    EPSILON,
    SIZE,
    UNKNOWN,
    Value,
    joined,
    negative,
    number,
)

_SIZES = frozenset({"shape", "size", "ndim", "rank"})
_METHODS = frozenset({"sum", "mean", "max", "min", "std", "astype", "reshape", "clip", "numpy", "cast", "flatten"})
_SAME_METHODS = {"astype": "cast", "numpy": "identity"}
_BUILTINS = {"abs": "abs", "max": "maximum", "min": "minimum", "float": "cast", "pow": "pow"}
_NUMBERS = {
    "math.pi": math.pi,
    "math.e": math.e,
    "numpy.pi": math.pi,
    "numpy.e": math.e,
    "numpy.inf": math.inf,
    "math.inf": math.inf,
}
_LIBRARIES = ("tensorflow.", "keras.")
_REDUCTIONS = frozenset({"sum", "mean", "reduce_sum", "reduce_mean", "norm", "std", "reduce_std", "euclidean_norm"})
_AXES = frozenset({"axis", "axes", "reduction_indices"})


class Evaluator:
    """Finds what is known of expressions; `recorded` are the operations that may go wrong, in the order of the text.

    `heads` is what is known of the results of calling a variable: a model with a visible last layer.
    """

    def __init__(self, heads: Mapping[str, Value] | None = None) -> None:
        self.recorded: list[Recorded] = []
        self._heads = heads or {}

    def once(self) -> list[Recorded]:
        """What was recorded, each place once: a lambda is met in its context and where it stands."""
        first: dict[tuple[int, int, str], Recorded] = {}
        for one in self.recorded:
            first.setdefault((one.node.lineno, one.node.col_offset, one.kind), one)
        return list(first.values())

    def of(self, node: ast.expr, scope: Scope) -> Value:
        """What is known of an expression."""
        match node:
            case ast.Constant(value=bool()):
                return UNKNOWN
            case ast.Constant(value=int() | float() as value):
                return number(float(value)) if abs(value) < 1e300 else UNKNOWN
            case ast.Name() | ast.Attribute():
                return self._named(node, scope)
            case ast.BinOp(left=left, op=operator, right=right):
                return self._operator(node, left, operator, right, scope)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return negative(self.of(operand, scope))
            case ast.Call():
                return self._call(node, scope)
            case _:
                return self._compound(node, scope)

    def _compound(self, node: ast.expr, scope: Scope) -> Value:
        """What is known of an expression that is made of others, but of no number and no call."""
        match node:
            case ast.Subscript(value=value, slice=index):
                return part_of(self.of(value, scope), index)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return replace(UNKNOWN, items=tuple(self.of(element, scope) for element in elements))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.of(test, scope)
                return joined([self.of(body, scope), self.of(orelse, scope)])
            case ast.Compare(left=left, comparators=comparators):
                for part in (left, *comparators):
                    self.of(part, scope)
                return MASK
            case ast.NamedExpr(target=target, value=value):
                scope.values[target.id] = found = self.of(value, scope)
                return found
            case ast.Lambda(body=body):
                return self._in_function(node, body, scope)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp() | ast.DictComp():
                return self._comprehension(node, scope)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.of(child, scope)
                return UNKNOWN

    def _operator(
        self, node: ast.BinOp, left: ast.expr, operator: ast.operator, right: ast.expr, scope: Scope
    ) -> Value:
        one, other = self.of(left, scope), self.of(right, scope)
        found = operate(node, operator, one, other)
        if isinstance(operator, ast.Div) and (one.tensor or other.tensor):
            return self._divided(found, scope, node=node, function="/", left=one, right=other, divisor=right)
        if isinstance(operator, ast.Pow) and one.tensor:
            return self._powered(
                found, scope, node=node, function="**", base=one, written=left, exponent=other.constant
            )
        return found

    def _named(self, node: ast.Name | ast.Attribute, scope: Scope) -> Value:
        key = path_of(node)
        if key is not None and key in scope.values:
            return scope.values[key]
        last = node.attr if isinstance(node, ast.Attribute) else node.id
        if isinstance(node, ast.Attribute) and last in _SIZES:
            return SIZE
        dotted = scope.names.resolve(node)
        if dotted in _NUMBERS:
            return number(_NUMBERS[dotted])
        if CALLED_EPSILON.search(last):
            return EPSILON
        if isinstance(node, ast.Attribute):
            owner = self.of(node.value, scope)
            return owner if last in ("T", "values") else UNKNOWN
        return UNKNOWN

    def _in_function(self, node: ast.Lambda, body: ast.expr, scope: Scope) -> Value:
        """The body of a function without a name, whose parameters are unknown; its value is that of the function."""
        inner = scope.copy()
        inner.names = scope.names.inside(node)
        for one in (*node.args.posonlyargs, *node.args.args):
            inner.values[one.arg] = replace(UNKNOWN, tensor=True)
        return self.of(body, inner)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp, scope: Scope) -> Value:
        inner = scope.copy()
        for generator in node.generators:
            self.of(generator.iter, scope)
            for name in ast.walk(generator.target):
                if isinstance(name, ast.Name):
                    inner.values[name.id] = UNKNOWN
        parts = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        for part in parts:
            self.of(part, inner)
        return UNKNOWN

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        dotted = scope.names.resolve(node.func)
        node = by_place(node) if tensor_function(dotted) else node
        arguments = [self.of(one.value if isinstance(one, ast.Starred) else one, scope) for one in node.args]
        named = {one.arg or "": self.of(one.value, scope) for one in node.keywords}
        function = tensor_function(dotted)
        if dotted == "len":
            return SIZE
        if dotted is not None and dotted.endswith(".epsilon"):
            return EPSILON
        if dotted is not None and dotted.endswith(".random.uniform"):
            return transfer("uniform", arguments, named)
        if function is not None and dotted is not None:
            found = self._described(node, dotted, transfer(function, arguments, named), named)
            return self._noted(node, dotted, arguments, found, scope) if dotted.startswith(_LIBRARIES) else found
        if dotted in _BUILTINS or (dotted or "").startswith("math."):
            return transfer(_BUILTINS.get(dotted or "", (dotted or "").removeprefix("math.")), arguments, named)
        return self._called_object(node, arguments, scope)

    def _called_object(self, node: ast.Call, arguments: Sequence[Value], scope: Scope) -> Value:
        """What is known of a method's result, of a model's or of a layer's."""
        function = node.func
        if isinstance(function, ast.Name) and function.id in self._heads:
            return self._heads[function.id]
        if isinstance(function, ast.Call):
            activation = activation_of(function, scope.names)
            self.of(function, scope)
            return activated(activation) if activation else replace(UNKNOWN, tensor=True)
        if isinstance(function, ast.Attribute):
            owner = self.of(function.value, scope)
            if function.attr in _METHODS and owner.tensor:
                name = _SAME_METHODS.get(function.attr, function.attr)
                return replace(transfer(name, [owner, *arguments], {}), tensor=owner.tensor)
            if function.attr == "get_shape":
                return SIZE
        return replace(UNKNOWN, tensor=any(one.tensor for one in arguments))

    def _described(self, node: ast.Call, dotted: str, found: Value, named: Mapping[str, Value]) -> Value:
        """The result with whose it is, and whether it was taken over everything."""
        whole = len(node.args) < 2 and not _AXES.intersection(named) and dotted.rpartition(".")[2] in _REDUCTIONS
        return replace(found, tensor=dotted.startswith(_LIBRARIES) and found.made_by != "size", whole=whole)

    def _noted(self, node: ast.Call, dotted: str, arguments: Sequence[Value], found: Value, scope: Scope) -> Value:
        """The result of a function of TensorFlow or Keras, which is noted where it is singular somewhere."""
        function = dotted.rpartition(".")[2]
        kind = RISKY.get(function)
        if function in ("where", "cond") and len(node.args) == 3:
            self._choose(node, arguments[1:], scope)
        if kind is None or not node.args:
            return found
        if kind == "division":
            left, right = (number(1.0), arguments[0]) if len(arguments) == 1 else arguments[:2]
            divisor = node.args[0 if len(arguments) == 1 else 1]
            return self._divided(found, scope, node=node, function=dotted, left=left, right=right, divisor=divisor)
        if kind == "pow":
            exponent = arguments[1].constant if len(arguments) > 1 else None
            return self._powered(
                found, scope, node=node, function=dotted, base=arguments[0], written=node.args[0], exponent=exponent
            )
        return self._risk(
            found, scope, kind=kind, node=node, function=dotted, operand=arguments[0], written=node.args[0]
        )

    def _divided(
        self, found: Value, scope: Scope, *, node: ast.expr, function: str, left: Value, right: Value, divisor: ast.expr
    ) -> Value:
        shared = self._shared(left.exps, right.exps)
        by_hand = "softmax" if shared else "sigmoid" if left.constant is not None else None
        for one in (shared or right.exps) if by_hand else ():
            self.recorded[one].by_hand = by_hand
        found = replace(found, exps=frozenset())
        return self._risk(found, scope, kind="division", node=node, function=function, operand=right, written=divisor)

    def _shared(self, left: frozenset[int], right: frozenset[int]) -> frozenset[int]:
        """The exponentials that are in both, be it once, in a variable, or written twice."""
        written = [{ast.dump(self.recorded[one].operand_node) for one in part} for part in (left, right)]
        both = written[0] & written[1]
        return frozenset(one for one in left | right if ast.dump(self.recorded[one].operand_node) in both)

    def _powered(
        self,
        found: Value,
        scope: Scope,
        *,
        node: ast.expr,
        function: str,
        base: Value,
        written: ast.expr,
        exponent: float | None,
    ) -> Value:
        kind: OperationKind = "division" if exponent == -1 else "sqrt" if exponent in (0.5, -0.5) else "pow"
        return self._risk(
            found, scope, kind=kind, node=node, function=function, operand=base, written=written, exponent=exponent
        )

    def _risk(
        self,
        found: Value,
        scope: Scope,
        *,
        kind: OperationKind,
        node: ast.expr,
        function: str,
        operand: Value,
        written: ast.expr,
        exponent: float | None = None,
    ) -> Value:
        """Notes the operation, unless the text keeps its operand where it does no harm; its result knows of it."""
        if kind == "log":
            for one in operand.exps:
                self.recorded[one].by_hand = "logsumexp or softplus"
            found = replace(found, exps=frozenset())
        path, safe = path_of(written), is_safe(kind, function, operand, exponent)
        for one in operand.operations:
            root = self.recorded[one]
            # An epsilon beside a root keeps the quotient finite, but not the gradient of the root in a row of zeros.
            silent = safe and (kind == "pow" or not root.operand.whole)
            if root.kind in ("norm", "sqrt") and root.feeds is None and not silent:
                root.feeds = kind
        if safe or (path is not None and path in scope.tested):
            return found
        self.recorded.append(
            Recorded(
                kind=kind,
                function=function,
                node=node,
                operand=replace(operand, whole=found.whole) if kind == "norm" else operand,
                operand_node=written,
                context=scope.context,
                inside=scope.inside,
                differentiated=scope.differentiated,
                exponent=exponent,
            )
        )
        own = len(self.recorded) - 1
        exps = frozenset({own}) if kind == "exp" else found.exps
        return replace(found, operations=found.operations | {own}, exps=exps)

    def _choose(self, node: ast.Call, branches: Sequence[Value], scope: Scope) -> None:
        """Notes that a `where` picks what these operations give only where a condition on their operand holds."""
        tested = variables(node.args[0], scope)
        for branch in branches:
            for one in branch.operations:
                recorded = self.recorded[one]
                if tested & variables(recorded.operand_node, scope):
                    recorded.chosen = node
