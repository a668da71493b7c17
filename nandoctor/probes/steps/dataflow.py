"""Running a function with TensorFlow 1 control flow: Switch, Merge, Enter, Exit, NextIteration.

Such a graph has cycles and branches that are not taken, so it is not run in order but as values arrive (the model of
"Dynamic control flow in large-scale machine learning", Yu et al. 2018): every value carries the loop iterations it
belongs to, and the values of a branch that is not taken are dead. Values are kept until the function ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from nandoctor.probes.steps.program import Instruction, Program

Tag = tuple[tuple[str, int], ...]
Token = tuple[Any, Any]
DEAD: Token = (None, None)
Run = Callable[[Instruction, int | None, list[Any], list[Any]], list[Token]]


@dataclass
class _Frames:
    """The values that have arrived, by register and by the loop iterations they belong to."""

    values: dict[tuple[int, Tag], Token] = field(default_factory=dict)
    done: set[tuple[int, Tag]] = field(default_factory=set)
    waiting: deque[tuple[int, Tag]] = field(default_factory=deque)
    constants: dict[int, Tag] = field(default_factory=dict)

    def find(self, register: int, tag: Tag) -> Token | None:
        """A value at these iterations; a loop's constants are there in each of its iterations."""
        found = self.values.get((register, tag))
        home = self.constants.get(register)
        if found is None and home is not None and _names(home) == _names(tag):
            return self.values.get((register, home))
        return found


def run_dataflow(program: Program, tensors: list[Any], marks: list[Any], run: Run) -> list[Token]:
    """The program's outputs with their marks; `run(instruction, iteration, tensors, marks)` executes an ordinary op."""
    frames = _Frames()
    readers: dict[int, list[int]] = {}
    followers: dict[int, list[int]] = {}
    for index, one in enumerate(program.instructions):
        for register in one.inputs:
            readers.setdefault(register, []).append(index)
        for before in one.controls:
            followers.setdefault(before, []).append(index)
    for register, token in zip(program.inputs, zip(tensors, marks, strict=True), strict=True):
        frames.values[register, ()] = token
        frames.waiting.extend((reader, ()) for reader in readers.get(register, []))
    frames.waiting.extend((i, ()) for i, one in enumerate(program.instructions) if not one.inputs and not one.controls)
    while frames.waiting:
        index, tag = frames.waiting.popleft()
        fired = _fire(program, index, tag, frames, run)
        if fired is None:
            continue
        results, home = fired
        frames.done.add((index, tag))
        instruction = program.instructions[index]
        for register, token in zip(instruction.outputs, results, strict=True):
            frames.values[register, home] = token
            frames.waiting.extend((reader, home) for reader in readers.get(register, []))
        if instruction.op_type == "NextIteration":
            constants = [register for register, tag in frames.constants.items() if _names(tag) == _names(home)]
            frames.waiting.extend((reader, home) for register in constants for reader in readers.get(register, []))
        frames.waiting.extend((follower, home) for follower in followers.get(index, []))
    return [frames.find(register, ()) or DEAD for register in program.outputs]


def _fire(program: Program, index: int, tag: Tag, frames: _Frames, run: Run) -> tuple[list[Token], Tag] | None:
    """An op's results and the iterations they belong to; None if it cannot run (yet), or has run."""
    instruction = program.instructions[index]
    op_type = instruction.op_type.removeprefix("Ref")
    if (index, tag) in frames.done:
        return None
    arrived = [frames.find(register, tag) for register in instruction.inputs]
    if op_type == "Merge":
        return _merge(arrived, tag)
    if any(token is None for token in arrived):
        return None
    tokens: list[Token] = [token for token in arrived if token is not None]
    if any((before, tag) not in frames.done and not _outer(frames, before, tag) for before in instruction.controls):
        return None
    dead = any(token is DEAD for token in tokens) or any(
        _is_dead(program, frames, before, tag) for before in instruction.controls
    )
    if op_type == "Enter":
        attrs = dict(zip(instruction.attrs[::2], instruction.attrs[1::2], strict=True))
        inner = (*tag, (str(attrs["frame_name"]), 0))
        if attrs["is_constant"]:
            frames.constants[instruction.outputs[0]] = inner
        return [tokens[0]], inner
    if op_type in ("Exit", "NextIteration"):
        if dead or not tag:
            return None
        name, iteration = tag[-1]
        return [tokens[0]], tag[:-1] if op_type == "Exit" else (*tag[:-1], (name, iteration + 1))
    if dead:
        return [DEAD] * len(instruction.outputs), tag
    if op_type == "Switch":
        taken = bool(tokens[1][0])
        return [DEAD if taken else tokens[0], tokens[0] if taken else DEAD], tag
    if op_type == "LoopCond":
        return tokens, tag
    turn = tag[-1][1] if tag else None
    return run(instruction, turn, [token[0] for token in tokens], [token[1] for token in tokens]), tag


def _merge(arrived: list[Token | None], tag: Tag) -> tuple[list[Token], Tag] | None:
    for place, token in enumerate(arrived):
        if token is not None and token is not DEAD:
            return [token, (tf.constant(place), token[1])], tag
    if all(token is DEAD for token in arrived):
        return [DEAD, DEAD], tag
    return None


def _is_dead(program: Program, frames: _Frames, index: int, tag: Tag) -> bool:
    outputs = program.instructions[index].outputs
    return bool(outputs) and all(frames.find(register, tag) is DEAD for register in outputs)


def _outer(frames: _Frames, index: int, tag: Tag) -> bool:
    """Whether an op outside of the loop has run, on which one inside depends."""
    return any((index, tag[:depth]) in frames.done for depth in range(len(tag)))


def _names(tag: Tag) -> list[str]:
    return [name for name, _ in tag]
