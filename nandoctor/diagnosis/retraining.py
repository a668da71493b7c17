"""Remedies of a watched training, tried by training again: what runs, and what it amounts to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nandoctor.diagnosis.changes import Change, changes
from nandoctor.diagnosis.diagnose import diagnose
from nandoctor.diagnosis.judging import Training, difference, judged
from nandoctor.diagnosis.treatment import with_trials
from nandoctor.facts.trial import Trial
from nandoctor.finding import Finding, Report
from nandoctor.policy import Policy
from nandoctor.probes.source.patch import Patch, patch_of
from nandoctor.probes.source.text import UnwritableError
from nandoctor.probes.trials.attempt import Attempt, Ran, Runner
from nandoctor.wording import plural

SECONDS = 300.0
MOST_PLACES = 4
AGAIN = "none of its files was changed, and what it writes where it runs, it has written again."

UNREPEATABLE = (
    "nothing was tried by training again. What a script draws at random comes again where it begins with "
    "keras.utils.set_random_seed(0)."
)


@dataclass(frozen=True)
class Means:
    """What trials are made with: the training, what runs an attempt, and when their time is over.

    `notices` gathers what the reader must know of them.
    """

    training: Training
    run: Runner
    until: float
    notices: list[str] = field(default_factory=list)

    @property
    def left(self) -> float:
        """How many seconds are left."""
        return self.until - time.monotonic()

    def ran(self, candidate: Candidate | None = None) -> Ran:
        """What came of an attempt with a candidate, or without any."""
        return self.run(_attempt(self.training, candidate), self.left)


@dataclass(frozen=True)
class Candidate:
    """A change that can be tried, and the diff that brings it about (None: it is made from outside)."""

    change: Change
    patch: Patch | None

    @property
    def trial(self) -> Trial:
        """The trial before anything came of it."""
        return Trial(reach=self.change.reach, patch=self.patch.diff if self.patch else None)


def retrained(report: Report, training: Training, run: Runner, seconds: float = SECONDS) -> Report:
    """The report with the remedies of its first finding tried by training again, for at most so many seconds in all.

    What else is found may follow from the first; it is tried once that is cured.
    """
    if not report.findings or report.findings[0].severity == "note":
        return report
    took: list[float] = []

    def counted(attempt: Attempt, most: float) -> Ran:
        ran = run(attempt, most)
        took.append(ran.seconds)
        return ran

    means = Means(training, counted, time.monotonic() + seconds)
    first = _treated(report.findings[0], means)
    notices = report.notices
    notices += tuple(means.notices)
    if took:
        notices += (f"{plural(len(took), 'run')} of the script ({sum(took):.0f} s) to try remedies: {AGAIN}",)
    return replace(report, findings=(first, *report.findings[1:]), notices=notices)


def _treated(finding: Finding, means: Means) -> Finding:
    trials: dict[str, Trial] = {}
    candidates: list[Candidate] = []
    for change in changes(finding):
        try:
            candidates.append(Candidate(change, _patch(change, means.training)))
        except UnwritableError as error:
            if change.setting is not None:
                candidates.append(Candidate(change, None))
            else:
                trials.setdefault(change.remedy.id, Trial(untried=f"it cannot be written: {error}"))
    for remedy in finding.remedies:
        if remedy.verdict == "untried" and remedy.id not in {one.change.remedy.id for one in candidates}:
            trials.setdefault(remedy.id, Trial(untried="what to write for it cannot be told from the script"))
    candidates.sort(key=lambda one: one.change.remedy.verdict == "not-enough")
    if candidates:
        trials |= _tried(finding, candidates, means)
    known = {one.id for one in finding.remedies}
    before = {one.id for one in finding.remedies if one.verdict != "untried"}
    trials = {key: one for key, one in trials.items() if one.untried is None or key not in before}
    more = tuple(
        one.change.remedy
        for one in candidates
        if one.change.remedy.id not in known and trials[one.change.remedy.id].untried is None
    )
    return with_trials(replace(finding, remedies=(*finding.remedies, *more)), trials)


def _patch(change: Change, training: Training) -> Patch:
    file = Path(change.file) if change.file is not None else training.script
    if change.write is None or file is None:
        raise UnwritableError("its source is not known")
    return patch_of(file, change.write, training.folder)


def _tried(finding: Finding, candidates: Sequence[Candidate], means: Means) -> dict[str, Trial]:
    """The trials of the candidates, up to the first that suffices; those after it are left untried."""
    control = means.ran()
    differs = difference(control, finding, means.training)
    void = differs and f"the control run without a change {differs}: a trial would be void"
    if differs and control.facts is not None:
        means.notices.append(f"The control run without a change {differs}: {UNREPEATABLE}")
    trials: dict[str, Trial] = {}
    for one in candidates:
        if void is None and means.left < control.seconds:
            void = "the time for treatment (--treat-budget) was over"
        if void is not None:
            trials[one.change.remedy.id] = replace(one.trial, untried=void)
            continue
        trial = _carried_out(one, finding, control, means)
        trials[one.change.remedy.id] = trial
        if trial.failed is None and trial.untried is None:
            void = f"{one.change.remedy.id} is enough"
    return trials


def _carried_out(candidate: Candidate, finding: Finding, control: Ran, means: Means) -> Trial:
    """The trial of a candidate; where the same fault shows next on another line, it is cured there, too."""
    lines = {finding.location.line}
    while True:
        ran = means.ran(candidate)
        trial = judged(candidate.trial, ran, control, finding, means.training)
        following = _elsewhere(candidate, finding, ran, means.training.policy)
        if trial.failed is None or following is None or following.location.line in lines or len(lines) == MOST_PLACES:
            return trial
        lines.add(following.location.line)
        try:
            candidate = _wider(candidate, following, means.training)
        except UnwritableError:
            return trial


def _elsewhere(candidate: Candidate, finding: Finding, ran: Ran, policy: Policy | None) -> Finding | None:
    """The same fault in the same file, as the attempt failed by it."""
    if ran.facts is None or candidate.patch is None or finding.location.line is None:
        return None
    found = next(iter(diagnose(ran.facts, policy).findings), None)
    same = found is not None and found.cause == finding.cause and found.location.file == finding.location.file
    return found if same and candidate.change.reach == "op" else None


def _wider(candidate: Candidate, following: Finding, training: Training) -> Candidate:
    """The candidate with its change made for the finding that followed as well: it moves no lines."""
    known, wanted = candidate.change, candidate.change.remedy.id
    more = next((one for one in changes(following) if one.remedy.id == wanted and one.file == known.file), None)
    if more is None or more.write is None or known.write is None:
        raise UnwritableError("the remedy does not fit what followed")
    first, second = known.write, more.write
    change = replace(known, write=lambda source: [*first(source), *second(source)])
    return Candidate(change, _patch(change, training))


def _attempt(training: Training, candidate: Candidate | None = None) -> Attempt:
    patch = candidate.patch if candidate is not None else None
    return Attempt(
        training.program,
        training.enough_steps,
        {str(patch.file): patch.after} if patch is not None else {},
        candidate.change.setting if candidate is not None and patch is None else None,
        # What was found without a failure is seen by the same look at the end.
        looks=training.failing_step is None,
        replays=candidate is not None,
    )
