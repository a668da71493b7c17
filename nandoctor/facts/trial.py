"""What came of a remedy that was tried, whether by surgery on a replayed step or by training again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nandoctor.finding import Remedy, Scalar

Reach = Literal["op", "loss", "setting", "data", "model"]
REACHES: tuple[Reach, ...] = ("op", "loss", "setting", "data", "model")
"""How much a remedy changes, least first: one op, the loss, a setting of the training, what is fed, the model."""

FIGURES = (
    "tried",
    "loss_before",
    "loss_after",
    "gradient_norm",
    "rows_unchanged",
    "rows_compared",
    "largest_change",
    "updated_with",
    "failing_step",
    "steps_passed",
    "next_cause",
    "next_op",
    "next_step",
    "seconds",
    "control",
    "why",
)
"""The names under which a trial's figures are told, in the order in which they are read.

tried: what ran in place of what failed (`log(max(x, 1e-07))`, `learning rate 0.001`).  loss_before, loss_after: the
loss of the failing step.  gradient_norm: of all gradients after.  rows_unchanged, rows_compared, largest_change: of the
rows that were fine, how many are as they were, and the largest relative change of a value, the loss or a gradient on
them.  updated_with: how the weights were updated to look at them.  failing_step, steps_passed: where the training
failed, and how many steps it passed with the remedy.  next_cause, next_op, next_step: what went wrong next.  seconds:
how long it took.  control: what came of a run without the remedy.  why: what went wrong, or why it was not tried.
"""


@dataclass(frozen=True)
class Trial:
    """One attempt: `figures` are measured, under the names of `FIGURES`.

    `failed` says what went wrong all the same, None where nothing did; `untried` why there was no attempt that tells
    anything (no known operation, a control that did not fail again). `patch` is a unified diff of the user's source
    that does the same.
    """

    figures: Mapping[str, Scalar] = field(default_factory=dict)
    failed: str | None = None
    untried: str | None = None
    reach: Reach = "op"
    patch: str | None = None


def tried(remedy: Remedy, trial: Trial) -> Remedy:
    """The remedy with the verdict that its trial amounts to.

    It is untried where there is a reason not to have tried it, not enough where something went wrong with it, else
    verified.
    """
    figures = {name: trial.figures[name] for name in FIGURES if name in trial.figures}
    why = trial.untried or trial.failed
    if why is not None:
        figures["why"] = why
    return Remedy(
        id=remedy.id,
        title=remedy.title,
        patch=trial.patch or remedy.patch,
        verdict="untried" if trial.untried is not None else "not-enough" if trial.failed is not None else "verified",
        trial=figures,
    )
