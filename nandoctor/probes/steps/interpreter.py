"""The step interpreter: runs a traced step op by op and shows each result to an observer.

Nested functions, loops and branches are entered. Assignments to variables are kept beside the model and never reach its
variables. A tensor is let go after its last use.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.compat.execution import run_op
from nandoctor.probes.steps.dataflow import Token, run_dataflow
from nandoctor.probes.steps.fading import Faded, read_shape, shape_only_outputs, with_fading
from nandoctor.probes.steps.program import Instruction, Kind, Library, Program

Mark = Any


@dataclass(eq=False, slots=True)
class Scope:
    """A function at one place of the call tree, the same for all iterations of a loop.

    `path` are the names of the calling ops, outermost first, with the number of the body where one op calls several
    (branches, a loop's condition); `in_loop` says whether one of them is a loop.
    """

    path: tuple[str, ...]
    program: Program
    in_loop: bool
    children: dict[tuple[int, int], Scope]


def called(scope: Scope, instruction: Instruction, body: int, library: Library) -> Scope:
    """The scope of a function that an op calls, made once; what its caller needs only the shape of fades in it."""
    key = (instruction.index, body)
    if key not in scope.children:
        program = library.program(instruction.bodies[body])
        if instruction.kind is Kind.CALL:
            program = with_fading(program, shape_only_outputs(scope.program, instruction, library.program))
        looped = scope.in_loop or instruction.kind is Kind.WHILE
        main = instruction.kind is Kind.CALL or (instruction.kind is Kind.WHILE and body == 1)
        part = instruction.name if main else f"{instruction.name}:{body}"
        scope.children[key] = Scope((*scope.path, part), program, looped, {})
    return scope.children[key]


@dataclass(eq=False, slots=True)
class Execution:
    """One op that has run: where, in which iteration of the innermost loop, with which tensors and marks.

    A mark is whatever the observer wants to know of a tensor.
    """

    scope: Scope
    instruction: Instruction
    iteration: int | None
    inputs: list[Any]
    marks: list[Mark]
    outputs: list[Any]


class Observer(Protocol):
    """What the interpreter tells while it runs."""

    def result(self, execution: Execution) -> list[Mark]:
        """An op has run; returns the marks of its outputs."""


Execute = Callable[[Scope, Instruction, list[Any]], list[Any]]
"""Runs one op that calls no function on these tensors; its outputs."""


def as_traced(_scope: Scope, instruction: Instruction, inputs: list[Any]) -> list[Any]:
    """Run the op as it is in the graph."""
    return run_op(instruction.op_type, len(instruction.outputs), inputs, instruction.attrs)


class RefusedError(NandoctorError):
    """TensorFlow would not run an op on these values."""

    def __init__(self, instruction: Instruction, said: str) -> None:
        super().__init__(f"op {instruction.name} ({instruction.op_type}) failed on this data: {said}", UNEXAMINABLE)
        self.instruction = instruction
        self.said = said


class Interpreter:
    """Runs programs; one instance a step execution, since it holds the variables' overlay.

    `execute` is what runs an op; another one may run something else in the place of some.
    """

    def __init__(self, library: Library, observer: Observer, execute: Execute = as_traced) -> None:
        self._library = library
        self._observer = observer
        self._run_one = execute
        self._overlay: dict[int, tuple[Any, Any, Mark]] = {}
        self.executions = 0

    def run(
        self, scope: Scope, tensors: list[Any], marks: list[Mark], iteration: int | None = None
    ) -> tuple[list[Any], list[Mark]]:
        """Execute the scope's program; the lists of arguments are emptied, so that nothing is kept alive."""
        program = scope.program
        if program.dataflow:
            return self._run_dataflow(scope, tensors, marks)
        values: list[Any] = [None] * program.registers
        notes: list[Mark] = [None] * program.registers
        for register, tensor, mark in zip(program.inputs, tensors, marks, strict=True):
            values[register], notes[register] = tensor, mark
        tensors.clear()
        marks.clear()
        observe = self._observer.result
        for instruction in program.instructions:
            if instruction.kind is Kind.NOTHING:
                continue
            arguments = [values[register] for register in instruction.inputs]
            seen = [notes[register] for register in instruction.inputs]
            execution = Execution(scope, instruction, iteration, arguments, seen, [])
            if instruction.kind is Kind.OP:
                execution.outputs = self._execute(scope, instruction, arguments)
                given = observe(execution)
            elif instruction.bodies:
                for register in instruction.frees:
                    values[register] = notes[register] = None
                given = self._enter(execution)
            else:
                given = self._directly(execution)
            for register, output, mark in zip(instruction.outputs, execution.outputs, given, strict=True):
                values[register], notes[register] = output, mark
            for register in instruction.frees:
                values[register] = notes[register] = None
            for register in instruction.fades:
                values[register] = Faded(tuple(values[register].shape), values[register].dtype)
        return [values[r] for r in program.outputs], [notes[r] for r in program.outputs]

    def _run_dataflow(self, scope: Scope, tensors: list[Any], marks: list[Mark]) -> tuple[list[Any], list[Mark]]:
        def run(instruction: Instruction, turn: int | None, given: list[Any], seen: list[Mark]) -> list[Token]:
            execution = Execution(scope, instruction, turn, given, seen, [])
            if instruction.kind is Kind.NOTHING:
                return []
            if instruction.kind is Kind.OP:
                execution.outputs = self._execute(scope, instruction, given)
                noted = self._observer.result(execution)
            else:
                noted = self._enter(execution) if instruction.bodies else self._directly(execution)
            return list(zip(execution.outputs, noted, strict=True))

        tokens = run_dataflow(scope.program, tensors, marks, run)
        return [token[0] for token in tokens], [token[1] for token in tokens]

    def _execute(self, scope: Scope, instruction: Instruction, arguments: list[Any]) -> list[Any]:
        self.executions += 1
        try:
            return self._run_one(scope, instruction, arguments)
        except tf.errors.OpError as error:
            raise RefusedError(instruction, plain_message(error)) from error

    def _directly(self, execution: Execution) -> list[Mark]:
        """What needs no kernel, or not always one: constants, aliases, shapes, reading and assigning variables."""
        instruction, arguments = execution.instruction, execution.inputs
        if instruction.kind is Kind.ALIAS:
            execution.outputs = arguments[:1]
            return execution.marks[:1]
        if instruction.kind is Kind.ASSIGN:
            self._assign(instruction, arguments, execution.marks)
            return []
        if instruction.kind is Kind.CONSTANT:
            execution.outputs = [instruction.constant]
        elif instruction.kind is Kind.SHAPE:
            self.executions += 1
            execution.outputs = read_shape(instruction, arguments)
        elif (kept := self._overlay.get(id(arguments[0]))) is not None:
            execution.outputs = [kept[1]]
            return [kept[2]]
        else:
            execution.outputs = self._execute(execution.scope, instruction, arguments)
        return self._observer.result(execution)

    def _enter(self, execution: Execution) -> list[Mark]:
        """Run the functions that the op calls."""
        scope, instruction, iteration = execution.scope, execution.instruction, execution.iteration
        arguments, seen = execution.inputs, execution.marks
        if instruction.kind is Kind.CALL:
            execution.outputs, marks = self.run(
                called(scope, instruction, 0, self._library), arguments, seen, iteration
            )
            return marks
        if instruction.kind is Kind.BRANCH:
            branch = _branch(instruction, arguments.pop(0))
            seen.pop(0)
            taken = called(scope, instruction, branch, self._library)
            execution.outputs, marks = self.run(taken, arguments, seen, iteration)
            return marks
        condition, body = (called(scope, instruction, place, self._library) for place in (0, 1))
        turn = 0
        while _true(self.run(condition, list(arguments), list(seen), turn)[0][0]):
            arguments, seen = self.run(body, arguments, seen, turn)
            turn += 1
        execution.outputs = arguments
        return seen

    def _assign(self, instruction: Instruction, arguments: list[Any], seen: list[Mark]) -> None:
        """Note the variable's new value without giving it to the variable; a scatter is left out."""
        handle, value = arguments[0], arguments[1]
        if instruction.op_type.startswith("ResourceScatter"):
            return
        if instruction.op_type != "AssignVariableOp":
            dtype = instruction.attrs[instruction.attrs.index("dtype") + 1]
            before = self._overlay.get(id(handle))
            old = before[1] if before else run_op("ReadVariableOp", 1, [handle], ("dtype", dtype))[0]
            value = old + value if instruction.op_type == "AssignAddVariableOp" else old - value
        self._overlay[id(handle)] = (handle, value, seen[1])


def plain_message(error: tf.errors.OpError) -> str:
    """TensorFlow's message as one line, without the names of its wrappers."""
    first = (error.message or type(error).__name__).strip().splitlines()[0]
    return re.sub(r"^\{\{function_node [^}]*\}\}\s*|\s*\[Op:[^]]*\].*$", "", first)[:300].rstrip(". ")


def _branch(instruction: Instruction, index: Any) -> int:
    if instruction.op_type in ("If", "StatelessIf"):
        return int(_true(index))
    number = int(index)
    return number if 0 <= number < len(instruction.bodies) else len(instruction.bodies) - 1


def _true(tensor: Any) -> bool:
    value = np.asarray(tensor)
    return bool(value.size and value.reshape(-1)[0])
