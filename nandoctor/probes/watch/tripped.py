"""What is done at the moment of a trip: the step is taken out of the script, written to a capsule, and replayed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tensorflow as tf

from nandoctor.errors import NandoctorError
from nandoctor.facts import EvaluationFacts, Facts, LossFacts, RunFacts, TripFacts
from nandoctor.facts.store import parse_facts
from nandoctor.probes.source.traced import source_at
from nandoctor.probes.watch.capsule import Keeping, capsule_name, write_capsule, write_minimal_rows
from nandoctor.probes.watch.capture import StepCapture
from nandoctor.probes.watch.data_behind import GivenTo, data_behind, looped_over, told_by_data
from nandoctor.probes.watch.failure import facts_of, minimal_rows
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.live import live_names
from nandoctor.probes.watch.records import run_facts, trip_facts, value_of
from nandoctor.probes.watch.seen import Trip
from nandoctor.probes.watch.session import Optimizing, Watch
from nandoctor.probes.watch.spoken_names import losses_of
from nandoctor.probes.watch.taking import take_capture
from nandoctor.probes.watch.undisturbed import undisturbed
from nandoctor.probes.watch.workers import tell, told

REPLAY_SECONDS = 600.0
ELSEWHERE = "it was finite on this worker; the report of the worker named has the cause and the rows"
# Keras adds up what its metrics have counted on all workers before it saves them.
TOGETHER = "several workers train together, and Keras saves only with all of them"
Backward = Mapping[Any, Sequence[tuple[str, range]]]
Write = Callable[[StepCapture, Facts], Path]


@dataclass(frozen=True)
class Keep:
    """How to keep a step: `made` are the backward ops by graph, `capsules` the folder, `limit` the most bytes."""

    made: Backward
    capsules: Path
    limit: int

    def write(self, trip: TripFacts, capture: StepCapture, facts: Facts, beside: Keeping) -> Path:
        """Write a capsule, with what is kept beside the step; its folder."""
        return write_capsule(self.capsules / capsule_name(trip), capture, facts, beside, limit=self.limit)


@dataclass(frozen=True)
class Tripped:
    """What was found out at a trip; `capsule` is the folder that was written, `notices` what could not be done."""

    facts: Facts
    capsule: Path | None = None
    notices: tuple[str, ...] = ()


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
    tracing = watch.tracings[optimizing.recorder.tripped()[1] - 1]
    try:
        if tracing.capture is not None:
            capture = tracing.capture()
        else:
            live = live_names(tracing)
            known = replace(known, run=_named(known.run, optimizing, tracing, live.variables))
            capture = take_capture(tracing, live, keep.made.get(tracing.graph, ()))
    except Exception as error:
        return Tripped(_not_taken(known, error))

    def write(told: StepCapture, facts: Facts) -> Path:
        return keep.write(trip, told, facts, _keeping(tracing, optimizing, kind))

    return _examined(capture, known, given_to_fit(watch), losses_of(tracing.noted), write)


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
        return Tripped(_not_taken(known, error))

    def write(told: StepCapture, facts: Facts) -> Path:
        beside = Keeping(lambda path: tracing.noted.model.save_weights(str(path)))
        return keep.write(trip, told, facts, beside if recorder.place is None else Keeping(None, TOGETHER))

    given = GivenTo(running.x, running.y, running.source, tables=tuple(watch.tables.files))
    return _examined(capture, known, given, losses_of(tracing.noted), write)


def _examined(
    capture: StepCapture, known: Facts, given: GivenTo, losses: tuple[LossFacts, ...], write: Write
) -> Tripped:
    """The step as `write` writes it to a capsule, and replayed."""
    capture, known, notices = _with_data(given, capture, known)
    if known.subject is not None:
        known = replace(known, subject=replace(known.subject, losses=losses))
    known = _with_source(known, capture)

    @cache
    def written() -> tuple[Path | None, tuple[str, ...]]:
        """The capsule, before any op is run one by one; why there is none."""
        try:
            return write(capture, known), ()
        except Exception as error:
            return None, (f"no capsule was written: {_sentence(error)}",)

    facts = facts_of(capture, known, written) if tf.executing_eagerly() else elsewhere(written()[0], known)
    folder, unwritten = written()
    return Tripped(facts, folder, (*notices, *unwritten, *_rows_kept(folder, capture, minimal_rows(facts))))


def elsewhere(folder: Path | None, known: Facts) -> Facts:
    """The facts of a replay in a process of its own: this one runs TensorFlow 1, without eager execution."""
    if folder is None:
        return _not_taken(
            known, NandoctorError("TensorFlow runs without eager execution here, and there is no capsule")
        )
    with TemporaryDirectory() as place:
        saved = Path(place) / "facts.json"
        program = (
            "import sys; from pathlib import Path; from nandoctor.api import replay; "
            "replay(sys.argv[1], save_facts=Path(sys.argv[2]))"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program, str(folder.absolute()), str(saved)],
            check=False,
            capture_output=True,
            text=True,
            timeout=REPLAY_SECONDS,
        )
        if not saved.exists():
            said = (ran.stderr.strip().splitlines() or ["it gave nothing"])[-1]
            return _not_taken(known, NandoctorError(f"the replay in a process of its own failed: {said}"))
        return parse_facts(saved.read_text(encoding="utf-8"))


def looked_at(
    watch: Watch, optimizing: Optimizing, *, known: Facts, seconds: float, made: Backward, running: bool
) -> Tripped | None:
    """A look at a step in which nothing tripped: the batch that was kept, on the weights as they are now.

    None where no batch was kept. While the script is `running` nothing of its input pipeline is run again.
    """
    held = optimizing.recorder.held()
    if held is None:
        return None
    tracing = watch.tracings[held[0] - 1]
    script = known.subject.path if known.subject else ""
    step = optimizing.recorder.asked() - 1
    known = replace(known, run=replace(run_facts(watch, script, None, seconds), check_ups=(step,)))
    try:
        live = live_names(tracing)
        owners = {name.rpartition("/")[0] for name in live.variables.values() if name.endswith("/moving_variance")}
        if known.run is not None:
            known = replace(known, run=replace(known.run, batch_normalizations=tuple(sorted(owners))))
        capture = take_capture(tracing, live, made.get(tracing.graph, ()))
        capture, known, notices = _with_data(given_to_fit(watch, pipelines=not running), capture, known)
        if known.subject is not None:
            known = replace(known, subject=replace(known.subject, losses=losses_of(tracing.noted)))
        return Tripped(facts_of(capture, _with_source(known, capture)), None, notices)
    except Exception as error:
        run = replace(known.run, check_ups=()) if known.run is not None else None
        return Tripped(replace(known, run=run), None, (f"No step was looked at op by op: {_sentence(error)}",))


def given_to_fit(watch: Watch, *, pipelines: bool = True) -> GivenTo:
    """The data that `fit` was given last, and what else the batch of a step may be from.

    Without `pipelines` nothing of a tf.data pipeline: only the batch counts then, else its functions are run again.
    """
    fitting = watch.fitting or watch.fitted
    x, y = (fitting.x, fitting.y) if fitting else (None, None)
    if not pipelines and isinstance(x, tf.data.Dataset):
        x = y = None
    return GivenTo(
        x,
        y,
        python=not watch.skip,
        tables=tuple(watch.tables.files),
        loops=tuple(watch.looped_over.datasets) if pipelines and not watch.fitting else (),
    )


def _with_data(given: GivenTo, capture: StepCapture, known: Facts) -> tuple[StepCapture, Facts, tuple[str, ...]]:
    """The facts with those of what `fit` or `evaluate` was given, else of the batch alone; says why there are none.

    Where the step does not tell what is an input and what a label, the data does.
    """
    try:
        with undisturbed():
            given = looped_over(capture, given)
            told = told_by_data(capture, given)
            data, pipeline = data_behind(told, given)
    except Exception as error:
        return capture, known, (f"the data was not looked at: {_sentence(error)}",)
    run = known.run
    if run is not None and run.trip is not None:
        run = replace(run, trip=replace(run.trip, pipeline=pipeline))
    return told, replace(known, data=data, run=run), ()


def _with_source(known: Facts, capture: StepCapture) -> Facts:
    """The facts with what the source says of the step's lines, which a capsule has where the source is not at hand."""
    return replace(known, source=source_at((file, line) for file, line, *_ in capture.lines.values()))


def _rows_kept(folder: Path | None, capture: StepCapture, rows: Sequence[int]) -> tuple[str, ...]:
    """Add the fewest rows that fail to the capsule; says why where that failed."""
    if folder is None or not rows:
        return ()
    try:
        write_minimal_rows(folder, capture, rows)
    except Exception as error:
        return (f"the fewest rows that fail are not in the capsule: {_sentence(error)}",)
    return ()


def _named(run: RunFacts | None, optimizing: Optimizing, tracing: Tracing, live: Mapping[int, str]) -> RunFacts | None:
    """The run with the variables called as in the models, and in the replay, and with their constraints."""
    if run is None or run.trip is None:
        return run
    pairs = zip(optimizing.names, tracing.variables, strict=False)
    run = run.renamed({name: live[id(one.handle)] for name, one in pairs if id(getattr(one, "handle", None)) in live})
    assert run.trip is not None
    variables = getattr(tracing.noted.model, "trainable_variables", ())
    constrained = [(one, live.get(id(getattr(getattr(one, "value", None), "handle", None)))) for one in variables]
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


def _not_taken(known: Facts, error: Exception) -> Facts:
    reason = _sentence(error)
    unavailable = dict.fromkeys(("step", "weights", "hidden"), f"the step could not be replayed: {reason}")
    assert known.run is not None
    assert known.run.trip is not None
    run = replace(known.run, trip=replace(known.run.trip, not_replayed=reason))
    return replace(known, run=run, unavailable={**known.unavailable, **unavailable})


def _sentence(error: Exception) -> str:
    if isinstance(error, NandoctorError):
        return error.message
    return " ".join(f"internal error, {type(error).__name__}: {error}".split())[:300]
