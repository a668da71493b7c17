"""A failing step that was kept, run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nandoctor.api.boarding import onto_board
from nandoctor.api.operating import operated_on
from nandoctor.api.writing import write_facts
from nandoctor.config import read_config
from nandoctor.errors import NandoctorError
from nandoctor.finding import Report


def replay(
    capsule: Path | str,
    *,
    treat: bool = False,
    save_facts: Path | None = None,
    tensorboard: Path | str | None = None,
    notices: Sequence[str] = (),
) -> Report:
    """Run the step in a capsule again and say what is wrong with its numbers, as the run that wrote it did.

    With `treat` the remedies that are an operation on one step are tried on it. `tensorboard` is a folder
    that what is seen, the record up to the step, and the report are written to for TensorBoard. `notices` are sentences
    that the report is to show after its own. NandoctorError where there is no whole capsule, where its step may touch
    what is outside of it, or where that folder cannot be written.
    """
    from nandoctor.diagnosis.diagnose import diagnose
    from nandoctor.probes.board.board import open_board
    from nandoctor.probes.watch.capsule import read_capsule

    policy = read_config().policy
    board = open_board(Path(tensorboard)) if tensorboard is not None else None
    found = read_capsule(Path(capsule))
    from nandoctor.probes.watch.failure import facts_of
    from nandoctor.probes.watch.needed import refuse_reaching_out

    try:
        refuse_reaching_out(found.capture)
    except NandoctorError as error:
        raise NandoctorError(f"{capsule}: {error.message}", error.exit_code) from error
    facts = facts_of(found.capture, found.facts, histograms=board is not None)
    if facts.step is None:
        raise NandoctorError(f"{capsule}: {facts.unavailable['step']}")
    if save_facts is not None:
        write_facts(facts, save_facts)
    report = diagnose(facts, policy)
    if treat:
        from nandoctor.probes.trials.captured import captured_patient

        report = operated_on(report, facts, captured_patient(found.capture, facts))
    written = found.facts.tool.tensorflow
    if written != facts.tool.tensorflow:
        differs = f"The step was traced by TensorFlow {written} and replayed by {facts.tool.tensorflow}."
        notices = (differs, *notices)
    report = replace(report, notices=(*report.notices, *notices))
    if board is not None:
        onto_board(board, facts, report)
    return report
