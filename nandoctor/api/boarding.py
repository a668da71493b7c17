"""An examination that is over, written for TensorBoard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nandoctor.finding import Report

if TYPE_CHECKING:
    from nandoctor.facts import Facts
    from nandoctor.probes.board.board import Board


def onto_board(board: Board, facts: Facts, report: Report) -> None:
    """Write what a scan has seen, or a replay with the record of the optimizer whose step it is; then the report."""
    from nandoctor.reports.formats import ReportFormat, render

    run = facts.run
    step = run.trip.step if run is not None and run.trip is not None else 0
    history = run.tripped_optimizer.history if run is not None and run.tripped_optimizer is not None else None
    if history is not None:
        board.record("", history)
    if facts.step is not None and run is None:
        board.scan(facts.step)
    elif facts.step is not None:
        board.look("", step, facts.step)
    board.tell("", step, report=render(report, ReportFormat.MARKDOWN))
    board.close()
