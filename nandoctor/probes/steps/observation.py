"""What is noted of each tensor while the step runs, and the births of non-finite values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nandoctor.probes.compat.execution import is_number, real_parts, view
from nandoctor.probes.steps.absorbing import ADDS, Absorbed, absorbed
from nandoctor.probes.steps.births import (
    Birth,
    Made,
    birth_of_input,
    birth_of_op,
    birth_of_variable,
    dtype_name,
    fresh_places,
)
from nandoctor.probes.steps.interpreter import Execution, Scope
from nandoctor.probes.steps.magnitudes import HALF_WAY, largest_magnitude, magnitude_bound
from nandoctor.probes.steps.naming import is_gradient
from nandoctor.probes.steps.program import Instruction, Kind
from nandoctor.probes.steps.watched import Look, Watched
from nandoctor.stats import Array

MOST_BIRTHS = 200
PASSES_ON = {
    "Identity", "IdentityN", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "Transpose", "PreventGradient",
    "Snapshot", "EnsureShape", "DeepCopy", "ReverseV2", "Reverse", "InvertPermutation",
}  # fmt: skip
DOES_NOT_READ_VALUES = {
    "Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "IsFinite", "IsNan", "IsInf",
    "BroadcastGradientArgs", "TensorListLength", "TensorListElementShape", "Fill", "VariableShape", "Assert",
    "RandomUniform",
}  # fmt: skip
SELECTS = {"Select", "SelectV2", "MaskedFill"}
NOTHING: frozenset[int] = frozenset()

Key = tuple[tuple[str, ...], int]


@dataclass(eq=False, slots=True)
class Mark:
    """What is known of one tensor: who made it, and the births that its non-finite values stem from.

    `nan`, `inf` and `all_nan` say whether there is a NaN, an infinity, nothing but NaN in it. `after` are the births
    whose NaN an op on the way to it swallowed: what goes wrong with it may follow from them.
    """

    scope: Scope | None
    instruction: Instruction | None
    taint: frozenset[int] = NOTHING
    nan: bool = False
    inf: bool = False
    all_nan: bool = False
    after: frozenset[int] = NOTHING


@dataclass
class Absorber:
    """An op that took a non-finite value and gave only finite ones: the births it absorbed; was a NaN among them."""

    instruction: Instruction
    births: set[int] = field(default_factory=set)
    nan: bool = False


@dataclass
class Observations:
    """All that was observed in any number of batches of one step.

    `watched` are the ops looked at in full; `series` the largest magnitude of the ops in loops, iteration by
    iteration, of the first batch; `absorbers` the ops that took a non-finite value and gave only finite ones,
    with the births they absorbed and whether a NaN was among what they took; `largest` the dtype and the largest finite
    magnitude of the ops that used up half of the dtype's powers of two; `absorbed` the additions of the first batch
    that one operand did not change.
    """

    births: dict[tuple[Any, ...], Birth] = field(default_factory=dict)
    watched: dict[Key, Watched] = field(default_factory=dict)
    series: dict[Key, list[float]] = field(default_factory=dict)
    absorbers: dict[Key, Absorber] = field(default_factory=dict)
    largest: dict[Key, tuple[str, float]] = field(default_factory=dict)
    absorbed: dict[Key, Absorbed] = field(default_factory=dict)


class StepObserver:
    """Takes the statistics of every floating tensor as it appears.

    `watch` are the ops to look at in full. `batch_rows` is the number of rows in this batch.
    """

    def __init__(
        self,
        observations: Observations,
        watch: Mapping[Key, Look],
        batch: int,
        batch_rows: int,
        variable_names: dict[int, str],
    ) -> None:
        self._kept = observations
        self._watch = watch
        self._batch = batch
        self._rows = batch_rows
        self._names = variable_names
        self._read: dict[int, Mark] = {}

    def argument(self, name: str, tensor: Any) -> Mark:
        """The mark of a tensor that is fed: a birth of kind "input" if it is not finite."""
        array = _array(tensor)
        if array is None or not array.size:
            return Mark(None, None)
        if largest_magnitude(array) < math.inf:
            return Mark(None, None)
        return self._born(birth_of_input(name, array, self._batch, self._rows), array)

    def captured(self, tensor: Any) -> Mark:
        """The mark of a tensor that the step holds: what reads it gives birth, it does not itself."""
        array = _array(tensor)
        if array is None or not array.size or largest_magnitude(array) < math.inf:
            return Mark(None, None)
        return Mark(None, None, NOTHING, *_nonfinite_kinds(array))

    def result(self, execution: Execution) -> list[Mark]:
        """Marks of an op's outputs (see `Observer`)."""
        scope, instruction, marks = execution.scope, execution.instruction, execution.marks
        if instruction.kind is Kind.READ:
            return [self._variable(execution)]
        watched = (scope.path, instruction.index) in self._watch
        if instruction.op_type in PASSES_ON and len(execution.outputs) == 1:
            if watched:
                self._look(execution, marks)
            return [marks[0]]
        tainted, after = False, NOTHING
        for mark in marks:
            tainted = tainted or bool(mark.taint)
            after = after | mark.after if mark.after else after
        given = (
            self._with_floats(execution, tainted) if instruction.floats else self._without_floats(execution, tainted)
        )
        if tainted and not any(mark.taint for mark in given):
            after |= self._absorbed(execution)
        if after:
            for mark in given:
                mark.after = after
        if watched and instruction.floats:
            self._look(execution, given)
        if self._batch == 0 and instruction.op_type in ADDS and execution.iteration is None:
            self._note_absorbed(execution)
        return given

    def _with_floats(self, execution: Execution, tainted: bool) -> list[Mark]:
        instruction = execution.instruction
        given: list[Mark] = []
        for place, output in enumerate(execution.outputs):
            if place not in instruction.floats:
                given.append(_merged(execution) if tainted else Mark(execution.scope, instruction))
                continue
            given.append(self._float(execution, output, tainted, followed=place == 0))
        return given

    def _float(self, execution: Execution, output: Any, tainted: bool, *, followed: bool) -> Mark:
        scope, instruction = execution.scope, execution.instruction
        array = real_parts(view(output))
        if not array.size:
            return Mark(scope, instruction)
        key = (scope.path, instruction.index)
        if execution.iteration is not None and followed and self._batch == 0:
            magnitude = largest_magnitude(array)
            self._kept.series.setdefault(key, []).append(magnitude)
        else:
            magnitude = magnitude_bound(array)
        if magnitude > HALF_WAY.get(array.dtype.char, math.inf) and instruction.kind is not Kind.CONSTANT:
            magnitude = largest_magnitude(array)
            if math.isfinite(magnitude) and magnitude > self._kept.largest.get(key, ("", 0.0))[1]:
                self._kept.largest[key] = (output.dtype.name, magnitude)
        if magnitude < math.inf:
            return Mark(scope, instruction)
        return self._nonfinite(execution, output, array, tainted)

    def _nonfinite(self, execution: Execution, output: Any, array: Array, tainted: bool) -> Mark:
        scope, instruction, marks = execution.scope, execution.instruction, execution.marks
        inherited = frozenset().union(*(mark.taint for mark in marks)) if marks else NOTHING
        made = Made(execution, [_array(one) for one in execution.inputs], array)
        places = fresh_places(made, tainted, self._rows)
        nan, inf, all_nan = _nonfinite_kinds(array)
        if places is None:
            return Mark(scope, instruction, inherited, nan, inf, all_nan)
        birth = birth_of_op(made, places, inherited, self._batch, self._rows, dtype=dtype_name(output, array))
        birth.after = NOTHING.union(*(mark.after for mark in marks))
        return Mark(scope, instruction, inherited | self._known(birth), nan, inf, all_nan)

    def _born(self, birth: Birth, array: Array) -> Mark:
        return Mark(birth.scope, birth.instruction, self._known(birth), *_nonfinite_kinds(array))

    def _known(self, birth: Birth) -> frozenset[int]:
        """Keep the birth if it is new; its number, that of the last one where there are too many."""
        known = self._kept.births.get(birth.key)
        if known is None:
            if len(self._kept.births) >= MOST_BIRTHS:
                return frozenset({next(reversed(self._kept.births.values())).id})
            birth.id = len(self._kept.births)
            self._kept.births[birth.key] = known = birth
        known.batches.add(self._batch)
        return frozenset({known.id})

    def _variable(self, execution: Execution) -> Mark:
        scope, instruction, handle = execution.scope, execution.instruction, execution.inputs[0]
        known = self._read.get(id(handle))
        if known is not None:
            return known
        array = _array(execution.outputs[0])
        mark = Mark(scope, instruction)
        if array is not None and array.size and not largest_magnitude(array) < math.inf:
            name = self._names.get(id(handle), instruction.name)
            mark = self._born(birth_of_variable(name, execution, array, self._batch), array)
        self._read[id(handle)] = mark
        return mark

    def _without_floats(self, execution: Execution, tainted: bool) -> list[Mark]:
        count = len(execution.outputs)
        plain = Mark(execution.scope, execution.instruction)
        if not tainted:
            return [plain] * count
        return [_merged(execution) if execution.instruction.variant else plain] * count

    def _absorbed(self, execution: Execution) -> frozenset[int]:
        """Note an op that gave only finite values of non-finite ones; the births whose NaN it swallowed."""
        op_type = execution.instruction.op_type
        if op_type in DOES_NOT_READ_VALUES or op_type.startswith("TensorList"):
            return NOTHING
        key = (execution.scope.path, execution.instruction.index)
        absorber = self._kept.absorbers.setdefault(key, Absorber(execution.instruction))
        for mark in execution.marks:
            absorber.births.update(mark.taint)
            # What a Select leaves out was left out on purpose.
            absorber.nan = absorber.nan or (mark.nan and op_type not in SELECTS)
        if op_type in SELECTS:
            return NOTHING
        return NOTHING.union(*(mark.taint for mark in execution.marks if mark.nan))

    def _note_absorbed(self, execution: Execution) -> None:
        found = None if is_gradient(execution.instruction.name) else absorbed(execution.inputs, execution.outputs[0])
        if found is not None:
            self._kept.absorbed[execution.scope.path, execution.instruction.index] = found

    def _look(self, execution: Execution, given: list[Mark]) -> None:
        """Add a watched op's first floating result, whose mark is among the given, to what is known of it."""
        instruction = execution.instruction
        key = (execution.scope.path, instruction.index)
        output = execution.outputs[instruction.floats[0]]
        if not output.dtype.is_complex:
            kept = self._kept.watched.setdefault(key, Watched())
            kept.add(real_parts(view(output)), output.dtype.name, self._watch[key], instruction.op_type)
            kept.births.update(given[instruction.floats[0]].taint)


def _nonfinite_kinds(array: Array) -> tuple[bool, bool, bool]:
    """Whether there is a NaN, an infinity, and nothing but NaN among the values."""
    count = int(np.count_nonzero(np.isnan(array)))
    all_nan = count == array.size
    return count > 0, not all_nan and bool(np.isinf(array).any()), all_nan


def _merged(execution: Execution) -> Mark:
    """The mark of a result that may hold anything that its operands hold."""
    marks = execution.marks
    taint = frozenset().union(*(mark.taint for mark in marks))
    nan, inf = any(mark.nan for mark in marks), any(mark.inf for mark in marks)
    return Mark(execution.scope, execution.instruction, taint=taint, nan=nan, inf=inf)


def _array(tensor: Any) -> Array | None:
    """The tensor's values for arithmetic; None for strings, resources and variants."""
    dtype = getattr(tensor, "dtype", None)
    if dtype is None or not is_number(dtype):
        return None
    return real_parts(view(tensor))
