"""The step to operate on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nandoctor.probes.models.subject import Subject
from nandoctor.probes.steps.passes import Feeds
from nandoctor.probes.steps.trace import Batch, Step
from nandoctor.probes.trials.differentiation import NOTHING_CHANGED, Differentiated, Place, Surgery, differentiate


@dataclass(frozen=True)
class Patient:
    """A step, and its batches. One that is no training step has no gradients, and may have no loss.

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
    if lost:
        return f"the variable {lost[0]} of the step is not known"
    labelled = any(name.startswith("labels ") for name in step.fed)

    def batch_of(index: int) -> Batch:
        batch = feeds.batch(index)
        return batch if labelled else batch.without_labels()

    return Patient(step, {name: known[name] for name in wanted}, batch_of, fixed, rate)
