"""An evaluation whose results were not finite: its first such batch is taken out of the script and replayed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nandoctor.facts import EvaluationFacts, Facts, TripFacts
from nandoctor.probes.watch.capsule import Keeping
from nandoctor.probes.watch.capture import StepCapture
from nandoctor.probes.watch.data_behind import GivenTo
from nandoctor.probes.watch.examined import TOGETHER, Keep, Tripped, examined, not_taken
from nandoctor.probes.watch.live import live_names
from nandoctor.probes.watch.records import run_facts
from nandoctor.probes.watch.session import Watch
from nandoctor.probes.watch.spoken_names import losses_of
from nandoctor.probes.watch.taking import take_capture


def evaluated(watch: Watch, found: EvaluationFacts, *, known: Facts, seconds: float, keep: Keep) -> Tripped:
    """Everything about an evaluation whose results were not finite, from the first of its batches of which that is so.

    The script stands still behind the call of evaluate or predict, so that the weights are those of that batch.
    """
    running, kept = watch.evaluating.running, watch.evaluating.kept()
    assert running is not None
    assert kept is not None
    replica, recorder = kept
    _, number, batch = recorder.tripped()
    tracing = watch.tracings[number - 1]
    trip = TripFacts(
        kind="evaluation",
        way=found.way,
        step=watch.steps(),
        epoch=found.epoch,
        batch=batch - running.before.get(replica, 0),
        replica=replica if len(watch.evaluating.recorders) > 1 else None,
        bad=found.bad,
    )
    script = known.subject.path if known.subject else ""
    known = replace(known, run=run_facts(watch, script, trip, seconds))
    try:
        capture = replace(take_capture(tracing, live_names(tracing), ()), evaluation=True)
    except Exception as error:
        return Tripped(not_taken(known, error))

    def write(told: StepCapture, facts: Facts) -> Path:
        beside = Keeping(lambda path: tracing.noted.model.save_weights(str(path)))
        return keep.write(trip, told, facts, beside if recorder.place is None else Keeping(None, TOGETHER))

    given = GivenTo(running.x, running.y, running.source, tables=tuple(watch.tables.files))
    return examined(capture, known, given, losses_of(tracing.noted), write)
