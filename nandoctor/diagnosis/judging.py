"""What training again with a remedy amounts to, beside a training again without it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nandoctor.diagnosis.diagnose import diagnose
from nandoctor.facts import RunFacts
from nandoctor.facts.trial import Trial
from nandoctor.finding import Finding, Scalar
from nandoctor.policy import Policy
from nandoctor.probes.trials.attempt import Ran
from nandoctor.probes.watch.script import Program
from nandoctor.wording import number, plural

TWICE, FEWEST_STEPS = 2, 20


@dataclass(frozen=True)
class Training:
    """A training that was watched: the program, the file of its script where it is known, what the run came to.

    `folder` is the working folder that it began in, `environment` the environment. `raised` is the class of the
    exception that ended it, None where none did. `most_steps` is after how many steps it was to end, None for its own
    end. `policy` is what the project wants of the rules.
    """

    program: Program
    script: Path | None
    run: RunFacts
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    raised: str | None = None
    most_steps: int | None = None
    policy: Policy | None = None

    @property
    def failing_step(self) -> int | None:
        """The step at which it failed, from 0; None where it ran to its end."""
        if self.run.trip is not None and self.run.trip.kind != "evaluation":
            return self.run.trip.step
        return self.run.steps if self.raised is not None else None

    @property
    def enough_steps(self) -> int | None:
        """After how many steps a remedy has shown that it helps: twice as many as failed, and at least 20."""
        if self.failing_step is None:
            return self.most_steps
        return max(TWICE * self.run.steps, FEWEST_STEPS)


def difference(control: Ran, finding: Finding, training: Training) -> str | None:
    """How the control differed from the run that was diagnosed, None where it failed again in the same way."""
    if control.facts is None or control.facts.run is None:
        return f"gave nothing ({control.failure})"
    if training.run.trip is not None and training.run.trip.kind != "evaluation":
        trip = control.facts.run.trip
        if trip is None:
            return f"did not fail within {plural(control.facts.run.steps, 'step')}"
        if (trip.step, trip.optimizer) != (training.run.trip.step, training.run.trip.optimizer):
            return f"failed at step {trip.step:,}, not at {training.run.trip.step:,}"
        return None
    if training.raised is not None:
        return None if control.raised == training.raised else f"did not raise {training.raised}"
    causes = {one.cause for one in diagnose(control.facts, training.policy).findings if one.severity != "note"}
    return None if finding.cause in causes else f"did not show {finding.cause} again"


def judged(trial: Trial, ran: Ran, control: Ran, finding: Finding, training: Training) -> Trial:
    """What came of an attempt with the remedy of that trial."""
    what = "the diff" if trial.patch is not None else "the change from outside"
    figures: dict[str, Scalar] = {
        "tried": f"{what}, trained again from the start",
        "seconds": round(ran.seconds, 1),
        "control": "failed again at the same step" if training.failing_step is not None else "showed it again",
    }
    if ran.facts is None or ran.facts.run is None:
        return replace(trial, untried=f"the run with it gave nothing: {ran.failure}", figures=figures)
    found = ran.facts.run
    figures |= {"steps_passed": found.steps, **_losses(control, found, training)}
    trip = found.trip
    if trip is not None:
        next_one = next(iter(diagnose(ran.facts, training.policy).findings), None)
        cause = next_one.cause if next_one is not None else "unknown"
        figures |= {"steps_passed": trip.step, "next_cause": cause, "next_step": trip.step}
        return replace(trial, failed=f"{cause} at step {trip.step:,}", figures=figures)
    if ran.raised is not None:
        return replace(trial, failed=f"the script raised {ran.raised}", figures=figures)
    if training.failing_step is not None and training.raised is None and found.steps <= training.failing_step:
        ended = f"the script ended after {plural(found.steps, 'step')}"
        return replace(trial, failed=ended, figures=figures)
    left = next((one for one in diagnose(ran.facts, training.policy).findings if _counts(one, finding)), None)
    if left is not None:
        return replace(trial, failed=f"{left.cause}: {left.message}", figures={**figures, "next_cause": left.cause})
    return replace(trial, figures=figures)


def _counts(left: Finding, finding: Finding) -> bool:
    """Whether what is found with a remedy speaks against it: an error, or what was to be cured."""
    return left.severity == "error" or (left.cause == finding.cause and left.severity != "note")


def _losses(control: Ran, found: RunFacts, training: Training) -> Mapping[str, Scalar]:
    """The loss of the failing step without and with the remedy, as far as both were recorded."""
    step = training.failing_step
    before = control.facts.run if control.facts is not None else None
    place = training.run.trip.optimizer if training.run.trip is not None else 0
    figures: dict[str, Scalar] = {}
    if step is None:
        return figures
    figures["failing_step"] = step
    for name, run in (("loss_before", before), ("loss_after", found)):
        history = run.optimizers[place].history if run is not None and place < len(run.optimizers) else None
        if history is not None and 0 <= step - history.first_step < history.steps:
            loss = history.loss[step - history.first_step]
            figures[name] = loss if math.isfinite(loss) else number(loss)
    if found.trip is None and figures.get("loss_after") == "NaN":
        # Nobody knows the loss of updates whose gradients come from elsewhere.
        return {"failing_step": step}
    return figures
