"""What a batch gives without an operation: the control of every trial on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.facts import Origin, Refusal
from nandoctor.probes.steps.flow import Key
from nandoctor.probes.steps.interpreter import Execution, Interpreter, RefusedError
from nandoctor.probes.steps.naming import is_gradient
from nandoctor.probes.steps.trace import Batch, Step
from nandoctor.probes.trials.differentiation import Differentiated
from nandoctor.probes.trials.feeding import nonfinite_rows
from nandoctor.probes.trials.patient import Patient
from nandoctor.stats import Array

# Half of float32's digits: sums in another order differ by far less, another gradient by far more.
SAME = 1e-3
SAME_IN_HALF = 3e-2
NOT_ANEW = "the step could not be differentiated anew"
# What TensorFlow raises where an operation, or the differentiation of an op, is not possible.
TROUBLE = (tf.errors.OpError, ValueError, TypeError, LookupError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Control:
    """A batch without an operation.

    `losses` are the places of the losses (of the outputs of a step that has none), `differentiated` those that the
    traced gradients are of. `before` is what came of it, None where an op refused to run. `good` are the rows that were
    fine, empty where the step is not finite on those that no origin names. `void` says why no trial on this batch can
    tell anything.
    """

    batch: Batch
    losses: tuple[int, ...] = ()
    differentiated: tuple[int, ...] = ()
    before: Differentiated | None = None
    good: tuple[int, ...] = ()
    void: str | None = None


def control(patient: Patient, index: int, origins: Sequence[Origin], refusals: Sequence[Refusal]) -> Control:
    """What a batch gives without an operation, compared with the step as it was traced."""
    batch = patient.batch_of(index)
    try:
        return _compared(patient, batch, index, origins, refusals)
    except TROUBLE as error:
        return Control(batch, void=f"{NOT_ANEW}: {first_line(error)}")


def first_line(error: Exception) -> str:
    """What TensorFlow says, in one line."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0][:160]


def _compared(
    patient: Patient, batch: Batch, index: int, origins: Sequence[Origin], refusals: Sequence[Refusal]
) -> Control:
    kinds = [kind for kind, _ in patient.step.results]
    # What a prediction gives are its outputs.
    places = tuple(place for place, kind in enumerate(kinds) if kind == ("loss" if "loss" in kinds else "output"))
    bad = set(nonfinite_rows(batch))
    for rows in [
        *(one.rows for one in origins if one.batch == index and one.reaches),
        *(one.rows for one in refusals if one.batch == index),
    ]:
        bad.update(rows or ())
    good = tuple(row for row in range(len(batch.rows)) if row not in bad)
    options = [places, *((place,) for place in places if len(places) > 1)]
    try:
        traced = _as_traced(patient.step, batch)
    except RefusedError:
        return _of_refused(patient, Control(batch, places, good=good), options)
    why = "it has no loss"
    for losses in options if places else ():
        before = patient.run(batch, losses)
        different = _difference(patient, before, traced)
        if different is None:
            loss = float(sum(np.sum(np.asarray(traced.values[place], np.float64)) for place in places))
            if before.finite and np.isfinite(loss):
                return Control(batch, void="the step is finite without it")
            return _with_good(patient, Control(batch, places, losses, replace(before, loss=loss), good))
        why = why if losses != places else different
    return Control(batch, void=f"{NOT_ANEW}: {why}")


def _of_refused(patient: Patient, found: Control, options: Sequence[tuple[int, ...]]) -> Control:
    """The control of a batch that TensorFlow refuses to run: the rows that are fine must do."""
    if not found.good:
        return replace(found, void="TensorFlow refuses to run the step on any row")
    part = patient.part(found.batch, found.good)
    why = "it has no loss"
    try:
        traced = _as_traced(patient.step, part)
        for losses in options:
            different = _difference(patient, patient.run(part, losses), traced)
            if different is None:
                return replace(found, differentiated=losses)
            why = different
    except RefusedError as error:
        why = error.message
    return replace(found, void=f"{NOT_ANEW}: {why}")


def _with_good(patient: Patient, found: Control) -> Control:
    """The control with the rows that were fine, if the step is finite on them."""
    if not found.good:
        return found
    part = patient.part(found.batch, found.good)
    try:
        alone, traced = patient.run(part, found.differentiated), _as_traced(patient.step, part)
    except RefusedError:
        return replace(found, good=())
    if not alone.finite:
        return replace(found, good=())
    different = _difference(patient, alone, traced)
    return found if different is None else replace(found, void=f"{NOT_ANEW}: {different}")


@dataclass(frozen=True)
class _Traced:
    """The step's results as it was traced; `raw` are the gradients before anything else was done with them."""

    values: list[Any]
    raw: tuple[Array, ...]


def _as_traced(step: Step, batch: Batch) -> _Traced:
    """The step run as it was traced, op by op."""
    tensors = [*batch.flat(), *step.captured()]
    noting = _RawGradients(step)
    with np.errstate(all="ignore"):
        values, _ = Interpreter(step.library, noting).run(step.root, tensors, [None] * len(tensors))
    return _Traced(values, tuple(noting.found))


class _RawGradients:
    """Notes what differentiation gives to ops that are not of it: a clipping, a division by the loss scale."""

    def __init__(self, step: Step) -> None:
        gradients = {key for key, node in step.flow.nodes.items() if is_gradient(node.instruction.name)}
        self._ends: set[Key] = {key for key in gradients if set(step.flow.consumers.get(key, ())) - gradients}
        self.found: list[Array] = []

    def result(self, execution: Execution) -> list[Any]:
        """No marks."""
        if (execution.scope.path, execution.instruction.index) in self._ends:
            floats = [execution.outputs[place] for place in execution.instruction.floats]
            self.found += [np.asarray(one, np.float64) for one in floats]
        return [None] * len(execution.outputs)


def _difference(patient: Patient, fresh: Differentiated, traced: _Traced) -> str | None:
    """Where the gradients that were taken anew differ from those of the traced step; None where they are the same.

    What the script did with them afterwards is no difference.
    """
    for (kind, name), value in zip(patient.step.results, traced.values, strict=True):
        if kind != "gradient":
            continue
        found = [one for one in (fresh.sparse.get(name), fresh.gradients[name]) if one is not None]
        if not found:
            return f"nothing that was replayed leads from {name} to the loss"
        tolerance = SAME if value.dtype.name in ("float32", "float64") else SAME_IN_HALF
        known = (np.asarray(value, np.float64), *traced.raw)
        if not any(same(one, other, tolerance) for one in found for other in known):
            return f"the gradient of {name} is another one than in the run"
    return None


def same(found: Array, known: Array, tolerance: float) -> bool:
    """Whether arrays have finite values at the same places, and there the same but for rounding."""
    return found.shape == known.shape and change(found, known) <= tolerance


def change(found: Array, known: Array, least: float = 0.0) -> float:
    """The largest difference, relative to the largest known magnitude, which counts as `least` at least.

    It is infinite where one alone is finite.
    """
    finite = np.isfinite(known)
    if not np.array_equal(np.isfinite(found), finite):
        return float("inf")
    if not finite.any():
        return 0.0
    difference = float(np.abs(found[finite] - known[finite]).max())
    return difference / (max(float(np.abs(known[finite]).max()), least) or 1.0)
