"""A birth: the place where a finite tensor gave a non-finite one, or an infinity a NaN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from nandoctor.probes.steps.interpreter import Execution, Scope
from nandoctor.probes.steps.program import Instruction, Kind
from nandoctor.stats import Array, TensorStats

ELEMENTWISE = {
    "Abs", "Acos", "Acosh", "Add", "AddN", "AddV2", "Asin", "Asinh", "Atan", "Atan2", "Atanh", "BiasAdd",
    "Cast", "Ceil", "Cos", "Cosh", "Digamma", "Div", "DivNoNan", "Elu", "EluGrad", "Erf", "Erfc", "Erfinv",
    "Exp", "Expm1", "Floor", "FloorDiv", "FloorMod", "Inv", "InvGrad", "LeakyRelu", "LeakyReluGrad", "Lgamma",
    "Log", "Log1p", "Maximum", "Minimum", "Mod", "Mul", "MulNoNan", "Ndtri", "Neg", "Pow", "RealDiv",
    "Reciprocal", "ReciprocalGrad", "Relu", "Relu6", "Relu6Grad", "ReluGrad", "Rint", "Round", "Rsqrt",
    "RsqrtGrad", "Select", "SelectV2", "Selu", "SeluGrad", "Sigmoid", "SigmoidGrad", "Sign", "Sin", "Sinh",
    "Softplus", "SoftplusGrad", "Softsign", "Sqrt", "SqrtGrad", "Square", "SquaredDifference", "Sub", "Tan",
    "Tanh", "TanhGrad", "TruncateDiv", "Xdivy", "Xlog1py", "Xlogy", "Zeta",
}  # fmt: skip
ROW_BY_ROW = {
    "BatchMatMulV2", "BatchMatMulV3", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "LogSoftmax", "MatMul",
    "Max", "Mean", "Min", "Prod", "Softmax", "Sum",
}  # fmt: skip
BATCHED = {"BatchMatMulV2", "BatchMatMulV3"}
REDUCTIONS = {"Max", "Mean", "Min", "Prod", "Sum"}
MOST_VALUES = 8
KEPT_ATTRIBUTES = {"transpose_a", "transpose_b", "adj_x", "adj_y", "keep_dims", "epsilon"}


@dataclass(frozen=True)
class OperandSeen:
    """An operand of the op of a birth, with the place in the step that produced it (None: it was fed)."""

    index: int
    dtype: str
    shape: tuple[int, ...]
    stats: TensorStats
    made_by: tuple[Scope, Instruction] | None
    at_fault: TensorStats | None = None
    values_at_fault: tuple[float, ...] = ()


@dataclass
class Birth:
    """One birth, as observed; `id` is given when it is first kept, `batches` grows with each batch that shows it."""

    key: tuple[Any, ...]
    kind: Literal["op", "input", "variable", "constant"]
    name: str
    output: TensorStats
    dtype: str
    shape: tuple[int, ...]
    batch: int
    rows_guess: tuple[int, ...] | None
    scope: Scope | None = None
    instruction: Instruction | None = None
    iteration: int | None = None
    operands: tuple[OperandSeen, ...] = ()
    parents: frozenset[int] = frozenset()
    after: frozenset[int] = frozenset()
    id: int = -1
    batches: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Made:
    """An op's execution with its operands and the result in question as arrays (None for what is no number)."""

    execution: Execution
    operands: list[Array | None]
    output: Array

    @property
    def floating(self) -> list[Array]:
        """The operands that can hold a NaN."""
        return [array for array in self.operands if array is not None and array.dtype.kind == "f"]

    @property
    def suspects(self) -> list[tuple[Array, Any]]:
        """The operands that may hold a NaN or an infinity, with their marks: all but those that were seen to be finite.

        A fed or captured tensor has a mark without an op.
        """
        return [(array, mark) for _, array, mark in self._suspects()]

    def suspects_by_rows(self) -> tuple[list[tuple[Array, Any]], list[Array]]:
        """The suspects whose row i goes into row i of the result and into no other, with their marks; all others."""
        seen = [(self._has_rows(place, array), array, mark) for place, array, mark in self._suspects()]
        return [(array, mark) for rows, array, mark in seen if rows], [array for rows, array, _ in seen if not rows]

    def numbers_by_rows(self) -> tuple[list[Array], list[Array]]:
        """As `suspects_by_rows`, of all operands that can hold a NaN."""
        numbers = [(place, one) for place, one in enumerate(self.operands) if one is not None and one.dtype.kind == "f"]
        with_rows = [one for place, one in numbers if self._has_rows(place, one)]
        return with_rows, [one for place, one in numbers if not self._has_rows(place, one)]

    def _suspects(self) -> Iterator[tuple[int, Array, Any]]:
        for place, (array, mark) in enumerate(zip(self.operands, self.execution.marks, strict=True)):
            if array is not None and array.dtype.kind == "f" and (mark.taint or mark.instruction is None):
                yield place, array, mark

    def _has_rows(self, place: int, array: Array) -> bool:
        # Each row of a product of two matrices, and of a convolution, comes from all of the second operand, which may
        # have as many rows all the same: the similarities of a batch with itself, a square kernel.
        batched = self.execution.instruction.op_type in BATCHED and self.output.ndim == array.ndim > 2
        return array.shape[:1] == self.output.shape[:1] and (place == 0 or batched)

    @property
    def elementwise(self) -> bool:
        """Whether each element of the result comes from the elements at its own place."""
        return self.execution.instruction.op_type in ELEMENTWISE and _broadcast(self.floating, self.output)


def birth_of_input(name: str, array: Array, batch: int, rows: int) -> Birth:
    """Non-finite values that came with the data."""
    return Birth(
        key=("input", name),
        kind="input",
        name=name,
        output=TensorStats.of(array, histogram=False),
        dtype=array.dtype.name,
        shape=tuple(array.shape),
        batch=batch,
        rows_guess=_rows(~np.isfinite(array), rows),
    )


def birth_of_variable(name: str, execution: Execution, array: Array, batch: int) -> Birth:
    """Non-finite values that are stored in the model."""
    return Birth(
        key=("variable", name),
        kind="variable",
        name=name,
        output=TensorStats.of(array, histogram=False),
        dtype=dtype_name(execution.outputs[0], array),
        shape=tuple(array.shape),
        batch=batch,
        rows_guess=None,
        scope=execution.scope,
        instruction=execution.instruction,
    )


def birth_of_op(made: Made, places: Array, inherited: frozenset[int], batch: int, rows: int, *, dtype: str) -> Birth:
    """Non-finite values that an op made; `places` are where in its output.

    `dtype` is the output's in TensorFlow: numpy has no bfloat16, its values are held in float32.
    """
    execution, instruction = made.execution, made.execution.instruction
    escalation = bool(inherited) and _fed_by_infinity(made, places)
    return Birth(
        key=("op", execution.scope.path, instruction.index, escalation),
        kind="constant" if instruction.kind is Kind.CONSTANT else "op",
        name=instruction.name,
        output=TensorStats.of(made.output, histogram=False),
        dtype=dtype,
        shape=tuple(made.output.shape),
        batch=batch,
        rows_guess=_rows(places, rows),
        scope=execution.scope,
        instruction=instruction,
        iteration=execution.iteration,
        operands=tuple(_operands(made, places)),
        parents=inherited if escalation else frozenset(),
    )


def dtype_name(tensor: Any, array: Array) -> str:
    """The dtype of a tensor whose values are in `array`: the tensor's own, the parts' for complex numbers."""
    name: str = tensor.dtype.name
    return array.dtype.name if tensor.dtype.is_complex else name


def fresh_places(made: Made, tainted: bool, rows: int) -> Array | None:
    """Where the op made its output non-finite, or an infinity into a NaN: a mask, None if it only passed it on."""
    output, marks = made.output, made.execution.marks
    if not tainted:
        return ~np.isfinite(output)
    if made.elementwise:
        return _fresh_elements(made)
    if made.execution.instruction.op_type in ROW_BY_ROW and _keeps_rows(made, rows):
        wide, narrow = made.suspects_by_rows()
        if all(np.isfinite(array).all() for array in narrow):
            return _fresh_rows(made, wide)
    if any(mark.nan for mark in marks):
        return None
    return _if_any(np.isnan(output))


def _fresh_elements(made: Made) -> Array | None:
    """As `fresh_places` where each element comes from the elements at its own place."""
    # An operand of nothing but NaN, as most are behind a batch normalization, leaves no place to look at.
    if any(mark.all_nan for _, mark in made.suspects):
        return None
    bad = ~np.isfinite(made.output)
    for array, _ in made.suspects:
        bad &= np.isfinite(array)
    if bad.any():
        return bad
    if not any(mark.inf for _, mark in made.suspects):
        return None
    nan = np.isnan(made.output)
    for array, mark in made.suspects:
        if mark.nan:
            nan &= ~np.isnan(array)
    return _if_any(nan)


def _fresh_rows(made: Made, wide: list[tuple[Array, Any]]) -> Array | None:
    """As `fresh_places` where each row comes from the rows of the `wide` operands, and all others are finite."""
    if any(mark.all_nan for _, mark in wide):
        return None
    output = made.output
    finite, number = np.ones(output.shape[0], bool), np.ones(output.shape[0], bool)
    for array, mark in wide:
        flat = array.reshape(array.shape[0], -1)
        finite &= np.isfinite(flat).all(axis=1)
        number &= ~np.isnan(flat).any(axis=1) if mark.nan else True
    as_rows = (-1, *([1] * (output.ndim - 1)))
    if finite.any() and (bad := ~np.isfinite(output) & finite.reshape(as_rows)).any():
        return bad
    return _if_any(np.isnan(output) & number.reshape(as_rows)) if number.any() else None


def _if_any(mask: Array) -> Array | None:
    return mask if mask.any() else None


def _broadcast(numbers: list[Array], output: Array) -> bool:
    if all(array.shape in ((), output.shape) for array in numbers):
        return bool(output.shape == () or any(array.shape for array in numbers))
    try:
        return np.broadcast_shapes(*(array.shape for array in numbers)) == output.shape
    except ValueError:
        return False


def _anywhere(numbers: list[Array], test: Any, output: Array) -> Array:
    found = np.zeros(output.shape, bool)
    for array in numbers:
        found |= test(array)
    return found


def _keeps_rows(made: Made, rows: int) -> bool:
    """Whether row i of the result comes from row i of the operands that have rows."""
    instruction, output = made.execution.instruction, made.output
    if not output.ndim or output.shape[0] < 2 or output.shape[0] % max(rows, 1):
        return False
    if instruction.op_type in REDUCTIONS:
        values, axes = made.operands[0], made.operands[1]
        return values is not None and axes is not None and not {0, -values.ndim} & set(np.atleast_1d(axes).tolist())
    attrs = dict(zip(instruction.attrs[::2], instruction.attrs[1::2], strict=True))
    return not attrs.get("transpose_a") and not (attrs.get("adj_x") and output.ndim < 3)


def _fed_by_infinity(made: Made, places: Array) -> bool:
    """Whether the operands at the places of a birth hold an infinity, so that it continues an earlier birth."""
    if made.elementwise:
        return bool((_anywhere(made.floating, np.isinf, places) & places).any())
    if made.execution.instruction.op_type in ROW_BY_ROW and places.ndim:
        wide, narrow = made.numbers_by_rows()
        if wide and all(np.isfinite(array).all() for array in narrow):
            rows = places.reshape(places.shape[0], -1).any(axis=1)
            return any(bool(np.isinf(array[rows]).any()) for array in wide)
    return True


def _operands(made: Made, places: Array) -> list[OperandSeen]:
    seen: list[OperandSeen] = []
    tensors = made.execution.inputs
    for index, (array, mark) in enumerate(zip(made.operands, made.execution.marks, strict=True)):
        if array is None:
            continue
        fault = np.broadcast_to(array, places.shape)[places] if made.elementwise else None
        seen.append(
            OperandSeen(
                index=index,
                dtype=dtype_name(tensors[index], array),
                shape=tuple(array.shape),
                stats=TensorStats.of(array, histogram=False),
                made_by=(mark.scope, mark.instruction) if mark.instruction is not None else None,
                at_fault=None if fault is None else TensorStats.of(fault, histogram=False),
                values_at_fault=() if fault is None else tuple(float(value) for value in fault[:MOST_VALUES]),
            )
        )
    return seen


def _rows(places: Array, rows: int) -> tuple[int, ...] | None:
    """The batch rows of the places, where the first axis is the batch (or the batch times something)."""
    if not places.ndim or rows < 1 or places.shape[0] < rows or places.shape[0] % rows:
        return None
    hit = np.flatnonzero(places.reshape(rows, -1).any(axis=1))
    return tuple(int(row) for row in hit)
