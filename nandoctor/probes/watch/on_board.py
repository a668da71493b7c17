"""The records of a watched run, and what is seen in its looks, as they go to a board for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping

from nandoctor.facts import Facts
from nandoctor.probes.board.board import Board
from nandoctor.probes.watch.live import called, live_names
from nandoctor.probes.watch.session import Optimizing, Watch


def onto_board(board: Board, watch: Watch, facts: Facts, looked: Optimizing | None = None) -> None:
    """Write what is new in the record of each optimizer, and what a look at a step of the one `looked` at has shown.

    At a trip the look alone: there the facts' record calls the variables by other names, and it is read once more at
    the end.
    """
    run, seen = facts.run, facts.step
    if run is None:
        return
    if run.trip is None:
        for one, known in zip(watch.optimizing.values(), run.optimizers, strict=True):
            if known.history is not None:
                board.record(part_of(watch, one), known.history.renamed(_called(watch, one)), one.passed_over)
    step = run.trip.step if run.trip is not None else next(iter(run.check_ups), None)
    if looked is not None and seen is not None and step is not None:
        board.look(part_of(watch, looked), step, seen)


def end_board(board: Board, watch: Watch, facts: Facts, report: str) -> None:
    """Write the report (Markdown), of several optimizers which is which, and close the files."""
    run = facts.run
    if run is not None and len({id(one.optimizer) for one in watch.optimizing.values()}) > 1:
        for one, known in zip(watch.optimizing.values(), run.optimizers, strict=False):
            board.tell(part_of(watch, one), max(known.steps - 1, 0), optimizer=known.told)
    whole = [one for one in watch.optimizing.values() if not one.replica]
    last = max((one.recorder.asked() - 1 for one in whole), default=0)
    step = run.trip.step if run is not None and run.trip is not None else last
    board.tell(part_of(watch, whole[0]) if whole else "", max(step, 0), report=report)
    board.close()


def _called(watch: Watch, one: Optimizing) -> Mapping[str, str]:
    """What the models call its variables, as a look does: asked once, since a tag is to stay as it is."""
    if one.called is None:
        own = [id(variable) for variable in one.variables]
        tracings = [found for found in watch.tracings if [id(variable) for variable in found.variables] == own]
        one.called = called(one.names, one.variables, live_names(tracings[0])) if tracings else {}
    return one.called


def part_of(watch: Watch, one: Optimizing) -> str:
    """The folder of an optimizer: "" for the first, others for more of them, for more workers and more replicas."""
    optimizers = list(dict.fromkeys(id(other.optimizer) for other in watch.optimizing.values()))
    numbers = {
        "optimizer": optimizers.index(id(one.optimizer)) + 1,
        "worker": (getattr(one.recorder, "place", None) or 0) + 1,
        "replica": one.replica + 1,
    }
    return "/".join(f"{what}-{number}" for what, number in numbers.items() if number > 1)
