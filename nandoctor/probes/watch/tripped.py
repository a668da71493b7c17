"""What is done at the moment of a trip: the step is taken out of the script, written to a capsule, and replayed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tensorflow as tf

from nandoctor.errors import NandoctorError
from nandoctor.facts import Facts, RunFacts
from nandoctor.facts.store import parse_facts
from nandoctor.probes.watch.capsule import Keeping, capsule_name, write_capsule, write_minimal_rows
from nandoctor.probes.watch.capture import StepCapture
from nandoctor.probes.watch.data_behind import data_behind, told_by_data
from nandoctor.probes.watch.failure import facts_of, minimal_rows
from nandoctor.probes.watch.guard import Tracing, Trip
from nandoctor.probes.watch.live import live_names
from nandoctor.probes.watch.records import run_facts, trip_facts, value_of
from nandoctor.probes.watch.session import Optimizing, Watch
from nandoctor.probes.watch.spoken_names import losses_of
from nandoctor.probes.watch.taking import take_capture

REPLAY_SECONDS = 600.0
ELSEWHERE = "it was finite on this worker; the report of the worker named has the cause and the rows"
Backward = Mapping[Any, Sequence[tuple[str, range]]]


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
    made: Backward,
    capsules: Path,
    capsule_limit: int,
) -> Tripped:
    """Everything about a trip, while the script stands still at it.

    `known` are the facts about the script as far as they are known, `seconds` is how long it has run, `made` the
    backward ops by graph, `capsules` the folder for capsules, `capsule_limit` the most bytes of one.
    """
    tracing = watch.tracings[optimizing.recorder.tripped()[1] - 1]
    script = known.subject.path if known.subject else ""
    trip = trip_facts(watch, optimizing, kind)
    known = replace(known, run=run_facts(watch, script, trip, seconds))
    if kind == Trip.ELSEWHERE:
        assert known.run is not None
        return Tripped(replace(known, run=replace(known.run, trip=replace(trip, not_replayed=ELSEWHERE))))
    try:
        if tracing.capture is not None:
            capture = tracing.capture()
        else:
            live = live_names(tracing)
            known = replace(known, run=_named(known.run, optimizing, tracing, live.variables))
            capture = take_capture(tracing, live, made.get(tracing.graph, ()))
    except Exception as error:
        return Tripped(_not_taken(known, error))
    capture, known, notices = _with_data(watch, capture, known)
    if known.subject is not None:
        known = replace(known, subject=replace(known.subject, losses=losses_of(tracing.noted)))
    folder = None
    try:
        keeping = _keeping(tracing, optimizing.optimizer, kind)
        folder = write_capsule(capsules / capsule_name(trip.step), capture, known, keeping, limit=capsule_limit)
    except Exception as error:
        notices = (*notices, f"no capsule was written: {_sentence(error)}")
    facts = facts_of(capture, known) if tf.executing_eagerly() else elsewhere(folder, known)
    return Tripped(facts, folder, (*notices, *_rows_kept(folder, capture, minimal_rows(facts))))


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
        capture, known, notices = _with_data(watch, capture, known, pipelines=not running)
        if known.subject is not None:
            known = replace(known, subject=replace(known.subject, losses=losses_of(tracing.noted)))
        return Tripped(facts_of(capture, known), None, notices)
    except Exception as error:
        run = replace(known.run, check_ups=()) if known.run is not None else None
        return Tripped(replace(known, run=run), None, (f"No step was looked at op by op: {_sentence(error)}",))


def _with_data(
    watch: Watch, capture: StepCapture, known: Facts, *, pipelines: bool = True
) -> tuple[StepCapture, Facts, tuple[str, ...]]:
    """The facts with those of what `fit` was given, else of the batch alone; says why where there are none.

    Where the step does not tell what is an input and what a label, the data does. Without `pipelines` only the batch
    counts of what a tf.data pipeline gives: else its functions are run again.
    """
    fitting = watch.fitting or watch.fitted
    x, y = (fitting.x, fitting.y) if fitting else (None, None)
    if not pipelines and isinstance(x, tf.data.Dataset):
        x = y = None
    try:
        told = told_by_data(capture, x, y)
        data, pipeline = data_behind(told, x, y)
    except Exception as error:
        return capture, known, (f"the data was not looked at: {_sentence(error)}",)
    run = known.run
    if run is not None and run.trip is not None:
        run = replace(run, trip=replace(run.trip, pipeline=pipeline))
    return told, replace(known, data=data, run=run), ()


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


def _keeping(tracing: Tracing, optimizer: Any, kind: Trip) -> Keeping:
    model = tracing.noted.model
    own = {id(variable) for variable in tracing.variables}
    slots = {
        str(getattr(one, "path", one.name)): value_of(one)
        for one in _variables_of(optimizer)
        if id(getattr(one, "value", one)) not in own
    }
    if kind == Trip.WEIGHTS:
        return Keeping(None, "the update that failed had been made when it was seen", slots)
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
