"""Tensors of which only the shape is still needed: their values are let go, their shapes are kept.

The forward function of a gradient hands to the backward function every tensor that the latter names, many of them
only to ask for their shape. Without this, the op-by-op run of ResNet50 holds twice the memory of the plain step
(measured: 3.3 GB against 1.7 GB at batch 16).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from nandoctor.probes.steps.program import Instruction, Kind, Program


@dataclass(frozen=True, slots=True)
class Faded:
    """What is left of a tensor: its shape and its dtype."""

    shape: tuple[int, ...]
    dtype: Any


def read_shape(instruction: Instruction, arguments: list[Any]) -> list[Any]:
    """The outputs of Shape, ShapeN, Size or Rank of tensors that may have faded."""
    attrs = dict(zip(instruction.attrs[::2], instruction.attrs[1::2], strict=True))
    dtype = tf.as_dtype(attrs.get("out_type", tf.int32.as_datatype_enum))
    shapes = [tuple(one.shape) for one in arguments]
    if instruction.op_type == "Rank":
        return [tf.constant(len(shapes[0]), tf.int32)]
    if instruction.op_type == "Size":
        size = 1
        for extent in shapes[0]:
            size *= extent
        return [tf.constant(size, dtype)]
    return [tf.constant(shape, dtype, shape=(len(shape),)) for shape in shapes]


def shape_only_inputs(program: Program) -> frozenset[int]:
    """The places of the inputs that the program never uses, or only asks for their shape."""
    needed = {r for one in program.instructions if one.kind is not Kind.SHAPE for r in one.inputs} | set(
        program.outputs
    )
    return frozenset(place for place, register in enumerate(program.inputs) if register not in needed)


def shape_only_outputs(caller: Program, call: Instruction, program_of: Callable[[str], Program]) -> frozenset[int]:
    """The places of a call's outputs that the caller never uses, or of which it and its callees only ask the shape."""
    needed = set(caller.outputs)
    for one in caller.instructions:
        if one.kind is Kind.CALL:
            faded = shape_only_inputs(program_of(one.bodies[0]))
            needed.update(register for place, register in enumerate(one.inputs) if place not in faded)
        elif one.kind is not Kind.SHAPE:
            needed.update(one.inputs)
    return frozenset(place for place, register in enumerate(call.outputs) if register not in needed)


def with_fading(program: Program, outputs: frozenset[int]) -> Program:
    """The program with the values of these outputs let go after their last use inside."""
    kept = {register for place, register in enumerate(program.outputs) if place not in outputs}
    fading = {program.outputs[place] for place in outputs} - kept - set(program.inputs)
    last: dict[int, int] = {}
    for place, one in enumerate(program.instructions):
        last.update(dict.fromkeys(fading.intersection((*one.inputs, *one.outputs)), place))
    fades: dict[int, list[int]] = {}
    for register, place in last.items():
        fades.setdefault(place, []).append(register)
    instructions = list(program.instructions)
    for place, registers in fades.items():
        instructions[place] = replace(instructions[place], fades=tuple(registers))
    return replace(program, instructions=tuple(instructions))
