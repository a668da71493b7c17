"""The remedies of a watched run, tried."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nandoctor.api.operating import operated_on
from nandoctor.errors import NandoctorError
from nandoctor.finding import Report

if TYPE_CHECKING:
    from nandoctor.api.watching import Outcome
    from nandoctor.facts import Facts


def treat(outcome: Outcome, report: Report, seconds: float) -> Report:
    """The report on a run with its remedies tried: on the step that failed, and by training again.

    For at most so many seconds the script is run again from its start, in a process of its own: as it is, and with one
    change after the other until one helps. Its files stay as they are; what it writes, it writes again.
    """
    from nandoctor.diagnosis.retraining import retrained
    from nandoctor.probes.trials.apart import run_apart
    from nandoctor.probes.trials.attempt import Attempt, Ran

    training = outcome.training
    if training is None or not report.findings:
        return report
    if outcome.facts is not None and outcome.capsule is not None:
        report = _operated(report, outcome.facts, outcome.capsule)

    def run_again(attempt: Attempt, most: float) -> Ran:
        return run_apart(attempt, most, training.folder, training.environment)

    return retrained(report, training, run_again, seconds)


def _operated(report: Report, facts: Facts, capsule: Path) -> Report:
    """The report with the remedies tried on the step in the capsule, as it was where that is not possible.

    What the first finding says of them is left to who tries them by training again.
    """
    from nandoctor.probes.trials.captured import captured_patient
    from nandoctor.probes.watch.capsule import read_capsule

    try:
        found = operated_on(report, facts, captured_patient(read_capsule(capsule).capture, facts)).findings
        first = replace(found[0], message=report.findings[0].message)
        return replace(report, findings=(first, *found[1:]))
    except Exception as error:
        why = error.message if isinstance(error, NandoctorError) else f"{type(error).__name__}: {error}"
        notice = f"No remedy was tried on the step alone: {' '.join(why.split())[:300]}"
        return replace(report, notices=(*report.notices, notice))
