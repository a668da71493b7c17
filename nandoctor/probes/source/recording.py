"""The operations of a file that its text alone does not keep away from where they are singular or overflow."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass

from nandoctor.facts.source import OperationKind, SourceContext, SourceOperand, SourceOperation
from nandoctor.probes.source.places import Places
from nandoctor.probes.source.value import Value

RISKY: Mapping[str, OperationKind] = {
    **dict.fromkeys(("log", "log2", "log10", "log1p"), "log"),
    **dict.fromkeys(("divide", "truediv", "true_divide", "realdiv", "div", "reciprocal"), "division"),
    **dict.fromkeys(("sqrt", "rsqrt"), "sqrt"),
    **dict.fromkeys(("norm", "euclidean_norm", "reduce_euclidean_norm", "reduce_std", "std"), "norm"),
    **dict.fromkeys(("exp", "expm1"), "exp"),
    **dict.fromkeys(("pow", "power"), "pow"),
}
LARGEST_EXPONENT = math.log(3.4028234663852886e38)
"""What the largest float32 is the exponential of."""


@dataclass
class Recorded:
    """An operation while its file is being read: what comes later can tell that it is chosen, or written by hand."""

    kind: OperationKind
    function: str
    node: ast.expr
    operand: Value
    operand_node: ast.expr
    context: SourceContext
    inside: str | None
    differentiated: bool
    exponent: float | None = None
    chosen: ast.expr | None = None
    by_hand: str | None = None
    feeds: OperationKind | None = None

    def frozen(self, text: Places) -> SourceOperation:
        """The operation as a fact."""
        return SourceOperation(
            kind=self.kind,
            function=self.function,
            place=text.place(self.node, self.inside),
            context=self.context,
            operand=SourceOperand(
                text=text.of(self.operand_node),
                low=self.operand.low,
                high=self.operand.high,
                reaches=self.operand.reaches,
                made_by=self.operand.made_by,
            ),
            exponent=self.exponent,
            differentiated=self.differentiated,
            per_row=not self.operand.whole,
            chosen=None if self.chosen is None else text.place(self.chosen, self.inside),
            by_hand=self.by_hand,
            feeds=self.feeds,
        )


def is_safe(kind: OperationKind, function: str, operand: Value, exponent: float | None) -> bool:
    """Whether the text keeps the operand away from where the operation is singular or overflows."""
    match kind:
        case "log":
            return operand.low > (-1.0 if function.endswith("log1p") else 0.0)
        case "division":
            return operand.low > 0.0 or operand.high < 0.0
        case "sqrt":
            return operand.low > 0.0 or operand.constant == 0.0
        case "exp":
            return operand.high <= LARGEST_EXPONENT
        case "pow":
            whole = exponent is not None and exponent == int(exponent) and exponent >= 0
            return exponent is None or whole or operand.low > 0.0 or (exponent >= 1.0 and operand.low >= 0.0)
        case _:
            return False
