"""The model as TensorFlow itself runs it, beside the op-by-op run: what the compiled kernels hide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from nandoctor.facts import Disagreement
from nandoctor.probes.models.subject import Subject
from nandoctor.probes.steps.run import Ran, nonfinite_count
from nandoctor.probes.steps.trace import Batch, Step


def compiled_counts(subject: Subject, step: Step, batch: Batch) -> tuple[int, ...]:
    """How many elements of each result of a batch are not finite where TensorFlow itself runs the step."""
    with unchanged(subject):
        compiled: Sequence[Any] = step.concrete(*batch.flat())
    return tuple(nonfinite_count(one) for one in compiled)


def disagreements(step: Step, ran: Ran, batch: Batch, compiled: Sequence[int]) -> tuple[Disagreement, ...]:
    """Results of one batch that have non-finite values in one of the two runs and not in the other."""
    found: list[Disagreement] = []
    for (kind, what), ours, other in zip(step.results, ran.values, compiled, strict=True):
        interpreted = nonfinite_count(ours)
        if (interpreted > 0) != (other > 0):
            elements = int(np.size(ours))
            found.append(Disagreement(kind, what or kind, batch.index, elements, interpreted, other))
    return tuple(found)


@contextmanager
def unchanged(subject: Subject) -> Iterator[None]:
    """The model's variables are given their values back at the end (BatchNorm statistics, seeds, counters)."""
    kept = [(named.variable, named.variable.numpy()) for named in subject.variables if not named.trainable]
    try:
        yield
    finally:
        for variable, value in kept:
            variable.assign(value)
