"""A step run anew with ops replaced, and differentiated anew.

The backward ops of a traced step belong to the forward ops that were traced: with one of these replaced they would give
a wrong gradient. So only the forward part is run, op by op under a gradient tape, and TensorFlow differentiates what
ran. What this gives without a replacement is compared with the traced step before anything is believed of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.probes.compat.execution import real_parts, record_op, run_op, telling_gradients, view
from nandoctor.probes.steps.interpreter import Execution, Interpreter, Scope
from nandoctor.probes.steps.program import Instruction, Kind, compile_graph
from nandoctor.probes.steps.trace import Step
from nandoctor.probes.trials.widening import Widening, in_bfloat16
from nandoctor.stats import Array

Place = tuple[tuple[str, ...], str]
"""An op: the names of the ops that call its function, outermost first, and its own name there."""


Executed = Callable[[Instruction, list[Any]], list[Any]]


@dataclass(frozen=True)
class Site:
    """What a replacement knows of the op that it stands for: the op and its inputs.

    `earlier` are the ops that the surgery keeps, with the inputs that they got. `execute` runs an op on other inputs.
    """

    instruction: Instruction
    inputs: list[Any]
    earlier: Mapping[Place, tuple[Instruction, list[Any]]]
    execute: Executed

    def run(self, inputs: list[Any]) -> Any:
        """What the op itself gives on other inputs."""
        return self.execute(self.instruction, inputs)[0]


Replacement = Callable[[Site], Any]
"""The one output of an op that is replaced, computed with TensorFlow's own functions."""


@dataclass(frozen=True)
class Surgery:
    """What is changed in a step.

    `replaced` ops give what their replacement gives. `kept` are the ops whose inputs replacements ask for. From the
    `widened` ops on, what follows is computed in float32 up to the next conversion, with `widened_on` beyond it. With
    `in_bfloat16` what is in float16 is computed in bfloat16.
    """

    replaced: Mapping[Place, Replacement] = field(default_factory=dict)
    kept: frozenset[Place] = frozenset()
    widened: frozenset[Place] = frozenset()
    widened_on: bool = False
    in_bfloat16: bool = False


NOTHING_CHANGED = Surgery()


@dataclass(frozen=True)
class Bad:
    """The first op whose result is not finite though what it was given is."""

    op: str
    op_type: str
    backward: bool
    nan: bool


@dataclass(frozen=True)
class Differentiated:
    """One run: the sum of the losses, the dense gradients by variable (None for one that is not reached).

    `looked_at` are the results of the ops that were asked for, one for each time that they ran. `bad` is where
    non-finite values that arrived in loss or gradients came up first.
    """

    loss: float
    gradients: Mapping[str, Array | None]
    sparse: Mapping[str, Array]
    looked_at: Mapping[Place, tuple[Array, ...]]
    bad: Bad | None

    @property
    def finite(self) -> bool:
        """Whether loss and gradients are."""
        return bool(np.isfinite(self.loss)) and all(
            np.isfinite(one).all() for one in self.gradients.values() if one is not None
        )

    @property
    def gradient_norm(self) -> float:
        """The norm of all gradients together."""
        return float(np.sqrt(sum(float(np.square(one).sum()) for one in self.gradients.values() if one is not None)))


@dataclass(frozen=True)
class _Part:
    """A graph as far as some of its tensors need it."""

    graph: Any
    outputs: tuple[Any, ...]
    control_outputs: tuple[Any, ...] = ()

    @property
    def inputs(self) -> Sequence[Any]:
        return list(self.graph.inputs)

    def get_operations(self) -> Sequence[Any]:
        return list(self.graph.get_operations())


class _Run:
    """Executes ops for the interpreter, tells the tape of them, and marks where values stopped being finite."""

    def __init__(self, surgery: Surgery, look: frozenset[Place]) -> None:
        self._surgery = surgery
        self._look = look
        self._earlier: dict[Place, tuple[Instruction, list[Any]]] = {}
        self._widening = Widening(on=surgery.widened_on)
        self.looked_at: dict[Place, list[Array]] = {}

    def execute(self, scope: Scope, instruction: Instruction, inputs: list[Any]) -> list[Any]:
        """Run the op or what replaces it."""
        place = (scope.path, instruction.name)
        if place in self._surgery.kept:
            self._earlier[place] = instruction, list(inputs)
        if place in self._surgery.replaced:
            outputs = [self._surgery.replaced[place](Site(instruction, list(inputs), self._earlier, _run))]
        elif place in self._surgery.widened or self._widening.concerns(inputs):
            outputs = self._widened(place, instruction, inputs)
        elif self._surgery.in_bfloat16 and instruction.kind is Kind.OP:
            inputs, attrs = in_bfloat16(instruction.op_type, inputs, instruction.attrs)
            outputs = _run(instruction, inputs, attrs)
        else:
            outputs = _run(instruction, inputs)
        if place in self._look:
            self.looked_at.setdefault(place, []).append(np.array(real_parts(view(outputs[0]))))
        return outputs

    def _widened(self, place: Place, instruction: Instruction, inputs: list[Any]) -> list[Any]:
        first = place in self._surgery.widened
        inputs, attrs = self._widening.widened(instruction.op_type, inputs, instruction.attrs, first=first)
        outputs = _run(instruction, inputs, attrs)
        self._widening.note(instruction.op_type, outputs, first=first)
        return outputs

    def result(self, execution: Execution) -> list[Any]:
        """For each output the ops from which its non-finite values come: a mark is a tuple of `Bad`."""
        instruction = execution.instruction
        inherited = next((mark for mark in execution.marks if mark), None)
        found: list[Any] = []
        for output in execution.outputs:
            if not (output.dtype.is_floating or output.dtype.is_complex):
                found.append(inherited if output.dtype == tf.variant else None)
                continue
            values = real_parts(view(output))
            if np.isfinite(values).all():
                found.append(None)
            elif inherited is not None or instruction.kind is Kind.CONSTANT:
                found.append(inherited)
            else:
                found.append(Bad(instruction.name, instruction.op_type, False, bool(np.isnan(values).any())))
        return found


def _run(instruction: Instruction, inputs: list[Any], attrs: tuple[Any, ...] | None = None) -> list[Any]:
    """Run an op, with other attributes where there are any, and tell the tape of it."""
    attrs = instruction.attrs if attrs is None else attrs
    outputs = run_op(instruction.op_type, len(instruction.outputs), inputs, attrs)
    record_op(instruction.op_type, inputs, outputs, attrs, instruction.name)
    return outputs


class _Backward:
    """Notes the first op of the forward part whose gradient is not finite though the one that came in is."""

    def __init__(self) -> None:
        self.bad: Bad | None = None

    def tell(self, name: str, op_type: str, given: Sequence[Any], found: Sequence[Any]) -> None:
        if self.bad is None and all(_finite(one) for one in given) and not all(_finite(one) for one in found):
            nan = any(np.isnan(array).any() for one in found if (array := _floats(one)) is not None)
            self.bad = Bad(name, op_type, True, bool(nan))


def differentiate(
    step: Step,
    fed: Sequence[Any],
    sources: Mapping[str, Any],
    losses: Sequence[int],
    *,
    surgery: Surgery = NOTHING_CHANGED,
    look: frozenset[Place] = frozenset(),
) -> Differentiated:
    """Run the forward part of the step on these flat tensors and differentiate it with respect to the sources.

    `losses` are the places among the step's results of the losses to differentiate, `look` the ops to look at. An op
    that TensorFlow refuses to run raises RefusedError.
    """
    graph = step.concrete.graph
    part = _Part(graph, tuple(graph.outputs[place] for place in losses))
    scope = Scope((), compile_graph(part, "forward"), False, {})
    run = _Run(surgery, look)
    tensors = [*fed, *step.captured()]
    with tf.GradientTape(watch_accessed_variables=False) as tape, np.errstate(all="ignore"):
        for source in sources.values():
            tape.watch(source)
        marks: list[Any] = [None if _finite(one) else Bad("", "Input", False, True) for one in tensors]
        values, marks = Interpreter(step.library, run, run.execute).run(scope, tensors, marks)
    backward = _Backward()
    with telling_gradients(backward.tell):
        gradients = dict(zip(sources, tape.gradient(values, list(sources.values())), strict=True))
    loss = float(sum(np.sum(np.asarray(value, np.float64)) for value in values))
    bad = next((mark for mark in marks if mark), None)
    return Differentiated(
        loss=loss,
        gradients={name: None if one is None else _array(tf.convert_to_tensor(one)) for name, one in gradients.items()},
        sparse={name: _array(one.values) for name, one in gradients.items() if isinstance(one, tf.IndexedSlices)},
        looked_at={place: tuple(found) for place, found in run.looked_at.items()},
        bad=bad or backward.bad,
    )


def _finite(value: Any) -> bool:
    array = _floats(value)
    return array is None or bool(np.isfinite(array).all())


def _floats(value: Any) -> Array | None:
    """The values of a floating tensor, None for all else."""
    value = value.values if isinstance(value, tf.IndexedSlices) else value
    dtype = getattr(value, "dtype", None)
    if dtype is None or not (dtype.is_floating or dtype.is_complex):
        return None
    return real_parts(view(value))


def _array(tensor: Any) -> Array:
    return real_parts(view(tensor)).astype(np.float64)
