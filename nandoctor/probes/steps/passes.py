"""The passes: one traced step each, run over all batches, with what was observed."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.probes.models.subject import Subject
from nandoctor.probes.steps.hidden import compiled_counts, disagreements
from nandoctor.probes.steps.interpreter import RefusedError
from nandoctor.probes.steps.loss import ChosenLoss
from nandoctor.probes.steps.loss_terms import possible_terms
from nandoctor.probes.steps.observation import Key, Observations
from nandoctor.probes.steps.origins import Reached
from nandoctor.probes.steps.profile import (
    GradientProfile,
    watch_list,
)
from nandoctor.probes.steps.run import Ran, run_batch
from nandoctor.probes.steps.trace import Batch, Step, is_user_file, tensors, trace_training
from nandoctor.probes.steps.watched import Look
from nandoctor.probes.steps.written_line import known_file
from nandoctor.stats import Array


@dataclass
class Pass:
    """One traced step run over all batches."""

    step: Step
    watch: dict[Key, Look]
    observations: Observations = field(default_factory=Observations)
    reached: Reached = field(default_factory=Reached)
    disagreements: list[Any] = field(default_factory=list)
    gradients: GradientProfile = field(default_factory=GradientProfile)
    losses: list[float] = field(default_factory=list)
    executions: int = 0
    compared: int = 0
    refused: list[tuple[int, RefusedError]] = field(default_factory=list)


@dataclass(frozen=True)
class Feeds:
    """The data, to be fed batch by batch."""

    subject: Subject
    inputs: Mapping[str, Any]
    labels: Mapping[str, Array]
    batches: Sequence[range]
    take: Callable[[Any, range], Any]

    def batch(self, index: int) -> Batch:
        """One batch as tensors."""
        rows = self.batches[index]
        feeds = tensors({name: self.take(array, rows) for name, array in self.inputs.items()}, self.subject.inputs)
        return Batch(index, rows, feeds, tensors({name: self.take(array, rows) for name, array in self.labels.items()}))


def training_pass(
    subject: Subject, chosen: ChosenLoss, batch: Batch, backward: bool, *, histograms: bool = False
) -> Pass:
    """The pass with loss and gradients; NandoctorError where the loss does not go with the model and the labels.

    With `histograms` those of the gradients are taken.
    """
    try:
        step = trace_training(subject, chosen.compute, batch, backward=backward)
    except NandoctorError:
        raise
    except Exception as error:  # the loss is the user's code, or a model's: what it raises is theirs to mend
        said = str(error).strip().splitlines() or [type(error).__name__]
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_user_file(frame.filename)]
        line = f" ({known_file(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
        what = f"the loss ({chosen.facts[0].name})" if chosen.facts else "the loss"
        message = f"{what} cannot be computed on this model and these labels: {said[0][:200]}{line}"
        exit_code = USAGE if any(loss.chosen == "given" for loss in chosen.facts) else UNEXAMINABLE
        raise NandoctorError(message, exit_code) from error
    watch = {**dict.fromkeys(possible_terms(step), Look()), **watch_list(step)}
    return Pass(step, watch, gradients=GradientProfile(histograms))


def run_pass(
    subject: Subject,
    one: Pass,
    batch: Batch,
    names: dict[int, str],
    compiled: Callable[[], Sequence[int]] | None = None,
) -> None:
    """Run a pass on one batch, op by op and as TensorFlow runs it; an op that raises an error ends the batch.

    `compiled` gives the `compiled_counts` of the batch where TensorFlow has run it already.
    """
    try:
        ran = run_batch(one.step, batch, one.observations, one.watch, names)
    except RefusedError as refused:
        one.refused.append((batch.index, refused))
        return
    one.executions += ran.executions
    one.reached = one.reached.with_marks(one.step, ran.marks)
    one.gradients.add(one.step, ran)
    one.losses += _loss_values(one.step, ran)
    counts = compiled() if compiled is not None else compiled_counts(subject, one.step, batch)
    one.disagreements += disagreements(one.step, ran, batch, counts)
    one.compared += 1


def _loss_values(step: Step, ran: Ran) -> list[float]:
    return [float(np.sum(value)) for (kind, _), value in zip(step.results, ran.values, strict=True) if kind == "loss"]
