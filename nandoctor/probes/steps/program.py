"""A traced function as a list of instructions over numbered registers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.control_flow import is_tf1_control_flow
from nandoctor.probes.compat.execution import attributes, constant_value
from nandoctor.probes.compat.graphs import function_graph


class Kind(IntEnum):
    """How an instruction is executed."""

    OP = 0
    CONSTANT = 1
    CALL = 2
    WHILE = 3
    BRANCH = 4
    ALIAS = 5
    ASSIGN = 6
    READ = 7
    SHAPE = 8
    NOTHING = 9


CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
LOOPS = {"While", "StatelessWhile"}
BRANCHES = {"If", "StatelessIf", "Case", "StatelessCase"}
ASSIGNMENTS = {
    "AssignVariableOp",
    "AssignAddVariableOp",
    "AssignSubVariableOp",
    "ResourceScatterUpdate",
    "ResourceScatterAdd",
    "ResourceScatterSub",
}
SHAPE_READERS = {"Shape", "ShapeN", "Size", "Rank"}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One op of a function.

    `inputs` and `outputs` are registers; `frees` those whose last use this is, `fades` those of which only the shape is
    needed from here on. `bodies` are the names of the functions it calls: the callee; a loop's condition and body; the
    branches, the one for index 0 first.
    `floats` are the places of the outputs that can hold a NaN and that somebody reads (what nobody reads may be memory
    that nobody wrote, as the statistics of a FusedBatchNorm that does not train); `variant` says whether one is a
    variant, such as a list of tensors, which can hold one within. `controls` are the instructions that must have run
    before (only where the program has TensorFlow 1 control flow, and is not run in order).
    """

    index: int
    name: str
    op_type: str
    kind: Kind
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    frees: tuple[int, ...]
    attrs: tuple[Any, ...]
    bodies: tuple[str, ...]
    constant: Any
    floats: tuple[int, ...]
    variant: bool
    fades: tuple[int, ...] = ()
    controls: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """The instructions of one function, in an order that respects its dependencies.

    `dataflow` says that there is none, because of TensorFlow 1 control flow: it is to be run as values arrive.
    """

    name: str
    registers: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    instructions: tuple[Instruction, ...]
    dataflow: bool = False


class Library:
    """Programs of functions by name, compiled when first asked for."""

    def __init__(self) -> None:
        self._programs: dict[str, Program] = {}

    def program(self, name: str) -> Program:
        """The program of the function that TensorFlow knows under `name`."""
        if name not in self._programs:
            self._programs[name] = compile_graph(function_graph(name), name)
        return self._programs[name]


def compile_graph(graph: Any, name: str) -> Program:
    """The program of a FuncGraph: the ops that its outputs or its side effects need, and nothing else."""
    ops = _needed(graph)
    numbers: dict[Any, int] = {}
    for tensor in graph.inputs:
        numbers.setdefault(tensor.ref(), len(numbers))
    for op in ops:
        for tensor in op.outputs:
            numbers.setdefault(tensor.ref(), len(numbers))
    results = tuple(numbers[tensor.ref()] for tensor in graph.outputs)
    parameters = {tensor.op.name for tensor in graph.inputs}
    ops = [op for op in ops if op.name not in parameters]
    last_use = {register: len(ops) for register in results}
    for index in range(len(ops) - 1, -1, -1):
        for tensor in (*ops[index].inputs, *ops[index].outputs):
            last_use.setdefault(numbers[tensor.ref()], index)
    frees: dict[int, list[int]] = {}
    for register, index in last_use.items():
        frees.setdefault(index, []).append(register)
    read = {numbers[tensor.ref()] for op in ops for tensor in op.inputs} | set(results)
    instructions = tuple(_instruction(index, op, numbers, frees.get(index, []), read) for index, op in enumerate(ops))
    inputs = tuple(numbers[tensor.ref()] for tensor in graph.inputs)
    dataflow = any(is_tf1_control_flow(op.type) for op in ops)
    if dataflow:
        instructions = tuple(_with_controls(instructions, ops))
    return Program(name, len(numbers), inputs, results, instructions, dataflow)


def _with_controls(instructions: tuple[Instruction, ...], ops: list[tf.Operation]) -> Iterator[Instruction]:
    places = {op.name: place for place, op in enumerate(ops)}
    for instruction, op in zip(instructions, ops, strict=True):
        before = tuple(places[one.name] for one in op.control_inputs if one.name in places)
        yield replace(instruction, controls=before)


def _needed(graph: Any) -> list[tf.Operation]:
    """Ancestors of the outputs and of the ops that must run for their effect, dependencies first."""
    wanted: set[str] = set()
    ordered: list[tf.Operation] = []
    roots = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    stack: list[tuple[tf.Operation, bool]] = [(op, False) for op in reversed(roots)]
    while stack:
        op, expanded = stack.pop()
        if expanded:
            ordered.append(op)
        elif op.name not in wanted:
            wanted.add(op.name)
            stack.append((op, True))
            before = [tensor.op for tensor in op.inputs] + list(op.control_inputs)
            stack.extend((one, False) for one in reversed(before) if one.name not in wanted)
    position = {op.name: place for place, op in enumerate(graph.get_operations())}
    creation = sorted(ordered, key=lambda op: position[op.name])
    return creation if _in_order(creation) else ordered


def _in_order(ops: list[tf.Operation]) -> bool:
    seen: set[str] = set()
    for op in ops:
        if any(one.name not in seen for one in (*(t.op for t in op.inputs), *op.control_inputs)):
            return False
        seen.add(op.name)
    return True


def _instruction(
    index: int, op: tf.Operation, numbers: dict[Any, int], frees: list[int], read: set[int]
) -> Instruction:
    kind = _kind(op)
    return Instruction(
        index=index,
        name=op.name,
        op_type=op.type,
        kind=kind,
        inputs=tuple(numbers[tensor.ref()] for tensor in op.inputs),
        outputs=tuple(numbers[tensor.ref()] for tensor in op.outputs),
        frees=tuple(frees),
        attrs=attributes(op) if kind in (Kind.OP, Kind.READ, Kind.ASSIGN, Kind.SHAPE) else (),
        bodies=_bodies(op),
        constant=constant_value(op) if kind is Kind.CONSTANT else None,
        floats=tuple(
            place
            for place, tensor in enumerate(op.outputs)
            if numbers[tensor.ref()] in read and (tensor.dtype.is_floating or tensor.dtype.is_complex)
        ),
        variant=any(t.dtype == tf.variant for t in op.outputs),
    )


def _kind(op: tf.Operation) -> Kind:
    if op.type in CALLS:
        return Kind.CALL
    if op.type in LOOPS:
        return Kind.WHILE
    if op.type in BRANCHES:
        return Kind.BRANCH
    if op.type == "Const":
        return Kind.CONSTANT
    if op.type in ASSIGNMENTS:
        return Kind.ASSIGN
    if op.type == "ReadVariableOp":
        return Kind.READ
    if op.type in SHAPE_READERS:
        return Kind.SHAPE
    if op.type == "CheckNumerics" or (op.type == "Identity" and op.outputs[0].dtype == tf.resource):
        return Kind.ALIAS
    return Kind.OP if op.type not in ("NoOp", "Placeholder") else Kind.NOTHING


def _bodies(op: tf.Operation) -> tuple[str, ...]:
    if op.type in CALLS:
        return (op.get_attr("f").name,)
    if op.type in LOOPS:
        return (op.get_attr("cond").name, op.get_attr("body").name)
    if op.type in ("If", "StatelessIf"):
        return (op.get_attr("else_branch").name, op.get_attr("then_branch").name)
    if op.type in ("Case", "StatelessCase"):
        return tuple(branch.name for branch in op.get_attr("branches"))
    return ()
