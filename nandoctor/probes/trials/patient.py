"""The step to operate on, and what it gives without an operation: the control of every trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.facts import Origin, Refusal
from nandoctor.probes.models.subject import Subject
from nandoctor.probes.steps.interpreter import Execution, Interpreter, RefusedError
from nandoctor.probes.steps.passes import Feeds
from nandoctor.probes.steps.trace import Batch, Step
from nandoctor.probes.trials.differentiation import NOTHING_CHANGED, Differentiated, Place, Surgery, differentiate
from nandoctor.probes.trials.feeding import nonfinite_rows
from nandoctor.stats import Array

# Half of float32's digits: sums in another order differ by far less, another gradient by far more.
SAME = 1e-3
SAME_IN_HALF = 3e-2
NOT_ANEW = "the step could not be differentiated anew"
# What TensorFlow raises where an operation, or the differentiation of an op, is not possible.
TROUBLE = (tf.errors.OpError, ValueError, TypeError, LookupError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Patient:
    """A step with loss and gradients, and its batches.

    `sources` are what the gradients are taken of, by name. `fixed` says that the batch's size is, `rate` is the
    learning rate, None where there is none.
    """

    step: Step
    sources: Mapping[str, Any]
    batch_of: Callable[[int], Batch]
    fixed: bool
    rate: float | None = None

    def run(
        self,
        batch: Batch,
        losses: Sequence[int],
        surgery: Surgery = NOTHING_CHANGED,
        look: frozenset[Place] = frozenset(),
    ) -> Differentiated:
        """The batch's loss and gradients, taken anew."""
        return differentiate(self.step, batch.flat(), self.sources, losses, surgery=surgery, look=look)

    def part(self, batch: Batch, rows: Sequence[int]) -> Batch:
        """The batch with these rows alone; over and over the first of them where its size is fixed."""
        if not self.fixed:
            return batch.taken(rows)
        return batch.taken([row if row in rows else rows[0] for row in range(len(batch.rows))])


@dataclass(frozen=True)
class Control:
    """A batch without an operation.

    `losses` are the places of the losses, `differentiated` those that the traced gradients are of. `before` is what
    came of it, None where an op refused to run. `good` are the rows that were fine, empty where the step is not finite
    on those that no origin names. `void` says why no trial on this batch can tell anything.
    """

    batch: Batch
    losses: tuple[int, ...] = ()
    differentiated: tuple[int, ...] = ()
    before: Differentiated | None = None
    good: tuple[int, ...] = ()
    void: str | None = None


def patient_of(
    subject: Subject,
    step: Step,
    feeds: Feeds,
    *,
    fixed: bool,
    rate: float | None = None,
    held: Mapping[str, Any] | None = None,
) -> Patient | str:
    """The step as one to operate on, or why it cannot be; `held` are tensors that stand for variables, by name."""
    known = {**(held or {}), **{named.name: named.variable for named in subject.variables}}
    wanted = [name for kind, name in step.results if kind == "gradient"]
    lost = [name for name in wanted if name not in known]
    if not wanted:
        return "the step has no gradients to look at"
    if lost:
        return f"the variable {lost[0]} of the step is not known"
    labelled = any(name.startswith("labels ") for name in step.fed)

    def batch_of(index: int) -> Batch:
        batch = feeds.batch(index)
        return batch if labelled else batch.without_labels()

    return Patient(step, {name: known[name] for name in wanted}, batch_of, fixed, rate)


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
    places = tuple(place for place, (kind, _) in enumerate(patient.step.results) if kind == "loss")
    bad = set(nonfinite_rows(batch))
    for rows in [
        *(one.rows for one in origins if one.batch == index and one.reaches),
        *(one.rows for one in refusals if one.batch == index),
    ]:
        bad.update(rows or ())
    good = tuple(row for row in range(len(batch.rows)) if row not in bad)
    options = [places, *((place,) for place in places if len(places) > 1)]
    try:
        values = _as_traced(patient.step, batch)
    except RefusedError:
        return _of_refused(patient, Control(batch, places, good=good), options)
    why = "it has no loss"
    for losses in options if places else ():
        before = patient.run(batch, losses)
        different = _difference(patient, before, values)
        if different is None:
            loss = float(sum(np.sum(np.asarray(values[place], np.float64)) for place in places))
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
        values = _as_traced(patient.step, part)
        for losses in options:
            different = _difference(patient, patient.run(part, losses), values)
            if different is None:
                return replace(found, differentiated=losses)
            why = different
    except RefusedError as error:
        why = error.message
    return replace(found, void=f"{NOT_ANEW}: {why}")


def _with_good(patient: Patient, found: Control) -> Control:
    """The control with the rows that were fine, if the step is finite on them and differentiated as it was traced."""
    if not found.good:
        return found
    try:
        part = patient.part(found.batch, found.good)
        alone = patient.run(part, found.differentiated)
        if alone.finite and _difference(patient, alone, _as_traced(patient.step, part)) is None:
            return found
    except RefusedError:
        pass
    return replace(found, good=())


def _as_traced(step: Step, batch: Batch) -> list[Any]:
    """The step's results as it was traced, op by op."""
    tensors = [*batch.flat(), *step.captured()]
    with np.errstate(all="ignore"):
        values, _ = Interpreter(step.library, _Silent()).run(step.root, tensors, [None] * len(tensors))
    return values


class _Silent:
    """Notes nothing."""

    def result(self, execution: Execution) -> list[Any]:
        """No marks."""
        return [None] * len(execution.outputs)


def _difference(patient: Patient, fresh: Differentiated, values: Sequence[Any]) -> str | None:
    """Where the gradients that were taken anew differ from those of the traced step; None where they are the same."""
    for (kind, name), value in zip(patient.step.results, values, strict=True):
        if kind != "gradient":
            continue
        traced, found = np.asarray(value, np.float64), fresh.gradients[name]
        sparse = fresh.sparse.get(name)
        if sparse is not None and sparse.shape == traced.shape:
            found = sparse
        if found is None:
            return f"nothing that was replayed leads from {name} to the loss"
        tolerance = SAME if value.dtype.name in ("float32", "float64") else SAME_IN_HALF
        if not same(found, traced, tolerance):
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
