"""What is done at the moment of a trip: the step is taken out of the script, written to a capsule, and replayed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf

from nandoctor.facts import Facts, RunFacts, TripFacts
from nandoctor.probes.watch.capsule import Keeping
from nandoctor.probes.watch.capture import StepCapture
from nandoctor.probes.watch.examined import TOGETHER, Keep, Tripped, examined, not_taken
from nandoctor.probes.watch.given_to_fit import given_to_fit
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.live import called, live_names
from nandoctor.probes.watch.records import run_facts, trip_facts, value_of
from nandoctor.probes.watch.seen import Trip
from nandoctor.probes.watch.session import Optimizing, Watch
from nandoctor.probes.watch.spoken_names import losses_of
from nandoctor.probes.watch.taking import LiveNames, take_capture
from nandoctor.probes.watch.workers import tell, told

ELSEWHERE = "it was finite on this worker; the report of the worker named has the cause and the rows"


def tripped(
    watch: Watch,
    optimizing: Optimizing,
    kind: Trip,
    *,
    known: Facts,
    seconds: float,
    keep: Keep,
) -> Tripped:
    """Everything about a trip, while the script stands still at it.

    `known` are the facts about the script as far as they are known, `seconds` is how long it has run.
    """
    script = known.subject.path if known.subject else ""
    trip = trip_facts(watch, optimizing, kind)
    known = replace(known, run=run_facts(watch, script, trip, seconds))
    if kind == Trip.ELSEWHERE:
        return _elsewhere(known, trip)
    found = _here(watch, optimizing, kind, known, keep)
    if trip.worker is not None:
        with suppress(Exception):
            tell(trip, found.facts)
    return found


def _elsewhere(known: Facts, trip: TripFacts) -> Tripped:
    """What the worker whose step was not finite has found, or only that it was its step."""
    assert known.run is not None
    with suppress(Exception):
        theirs = told(trip)
        if theirs is not None:
            return Tripped(theirs, None, (f"Worker {trip.worker} found this, and keeps the step: here it was finite.",))
    return Tripped(replace(known, run=replace(known.run, trip=replace(trip, not_replayed=ELSEWHERE))))


def _here(watch: Watch, optimizing: Optimizing, kind: Trip, known: Facts, keep: Keep) -> Tripped:
    assert known.run is not None
    assert known.run.trip is not None
    trip = known.run.trip
    tracing = watch.differentiated.behind(watch.tracings[optimizing.recorder.tripped()[1] - 1])
    try:
        if tracing.capture is not None:
            capture = tracing.capture()
        else:
            live = live_names(tracing)
            known = replace(known, run=_named(known.run, optimizing, tracing, live))
            capture = take_capture(tracing, live, keep.made.get(tracing.graph, ()))
    except Exception as error:
        return Tripped(not_taken(known, error))

    def write(told: StepCapture, facts: Facts) -> Path:
        return keep.write(trip, told, facts, _keeping(tracing, optimizing, kind))

    return examined(capture, known, given_to_fit(watch), losses_of(tracing.noted), write, histograms=keep.histograms)


def _named(run: RunFacts | None, optimizing: Optimizing, tracing: Tracing, live: LiveNames) -> RunFacts | None:
    """The run with the variables called as in the models, and in the replay, and with their constraints."""
    if run is None or run.trip is None:
        return run
    run = run.renamed(called(optimizing.names, tracing.variables, live))
    assert run.trip is not None
    variables = getattr(tracing.noted.model, "trainable_variables", ())
    constrained = [
        (one, live.variables.get(id(getattr(getattr(one, "value", None), "handle", None)))) for one in variables
    ]
    constraints = [
        (name, type(one.constraint).__name__)
        for one, name in constrained
        if name is not None and getattr(one, "constraint", None) is not None
    ]
    return replace(run, trip=replace(run.trip, constraints=tuple(constraints)))


def _keeping(tracing: Tracing, optimizing: Optimizing, kind: Trip) -> Keeping:
    model = tracing.noted.model
    own = {id(variable) for variable in tracing.variables}
    slots = {
        str(getattr(one, "path", one.name)): value_of(one)
        for one in _variables_of(optimizing.optimizer)
        if id(getattr(one, "value", one)) not in own
    }
    if kind == Trip.WEIGHTS:
        return Keeping(None, "the update that failed had been made when it was seen", slots)
    if getattr(optimizing.recorder, "place", None) is not None:
        return Keeping(None, TOGETHER, slots)
    if model is None:
        return Keeping(slots=slots)
    return Keeping(lambda path: model.save_weights(str(path)), slots=slots)


def _variables_of(optimizer: Any) -> Sequence[Any]:
    """The optimizer's own variables as far as they have values here: those of a plain graph have none."""
    found = getattr(optimizer, "variables", ()) if tf.executing_eagerly() else ()
    return found() if callable(found) else found
