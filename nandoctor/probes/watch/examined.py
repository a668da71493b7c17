"""A step that was taken out of the script: with the data behind it, written to a capsule, and replayed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tensorflow as tf

from nandoctor.errors import NandoctorError
from nandoctor.facts import Facts, LossFacts, TripFacts
from nandoctor.facts.store import parse_facts
from nandoctor.probes.source.traced import source_at
from nandoctor.probes.watch.capsule import Keeping, capsule_name, write_capsule, write_minimal_rows
from nandoctor.probes.watch.capture import StepCapture
from nandoctor.probes.watch.data_behind import GivenTo, data_behind, looped_over, told_by_data
from nandoctor.probes.watch.failure import facts_of, minimal_rows
from nandoctor.probes.watch.undisturbed import undisturbed

REPLAY_SECONDS = 600.0
# Keras adds up what its metrics have counted on all workers before it saves them.
TOGETHER = "several workers train together, and Keras saves only with all of them"
Backward = Mapping[Any, Sequence[tuple[str, range]]]
Write = Callable[[StepCapture, Facts], Path]


@dataclass(frozen=True)
class Keep:
    """How to keep a step: `made` are the backward ops by graph, `capsules` the folder, `limit` the most bytes.

    With `histograms` those of the layers' outputs and of the gradients are taken.
    """

    made: Backward
    capsules: Path
    limit: int
    histograms: bool = False

    def write(self, trip: TripFacts, capture: StepCapture, facts: Facts, beside: Keeping) -> Path:
        """Write a capsule, with what is kept beside the step; its folder."""
        return write_capsule(self.capsules / capsule_name(trip), capture, facts, beside, limit=self.limit)


@dataclass(frozen=True)
class Tripped:
    """What was found out at a trip; `capsule` is the folder that was written, `notices` what could not be done."""

    facts: Facts
    capsule: Path | None = None
    notices: tuple[str, ...] = ()


def examined(
    capture: StepCapture,
    known: Facts,
    given: GivenTo,
    losses: tuple[LossFacts, ...],
    write: Write,
    *,
    histograms: bool = False,
) -> Tripped:
    """The step as `write` writes it to a capsule, and replayed; with the `histograms` of what is seen, if wanted."""
    capture, known, notices = with_data(given, capture, known)
    if known.subject is not None:
        known = replace(known, subject=replace(known.subject, losses=losses))
    known = with_source(known, capture)

    @cache
    def written() -> tuple[Path | None, tuple[str, ...]]:
        """The capsule, before any op is run one by one; why there is none."""
        try:
            return write(capture, known), ()
        except Exception as error:
            return None, (f"no capsule was written: {in_a_sentence(error)}",)

    if tf.executing_eagerly():
        facts = facts_of(capture, known, written, histograms=histograms)
    else:
        facts = elsewhere(written()[0], known)
    folder, unwritten = written()
    return Tripped(facts, folder, (*notices, *unwritten, *_rows_kept(folder, capture, minimal_rows(facts))))


def elsewhere(folder: Path | None, known: Facts) -> Facts:
    """The facts of a replay in a process of its own: this one runs TensorFlow 1, without eager execution."""
    if folder is None:
        return not_taken(known, NandoctorError("TensorFlow runs without eager execution here, and there is no capsule"))
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
            return not_taken(known, NandoctorError(f"the replay in a process of its own failed: {said}"))
        return parse_facts(saved.read_text(encoding="utf-8"))


def with_data(given: GivenTo, capture: StepCapture, known: Facts) -> tuple[StepCapture, Facts, tuple[str, ...]]:
    """The facts with those of what `fit` or `evaluate` was given, else of the batch alone; says why there are none.

    Where the step does not tell what is an input and what a label, the data does.
    """
    try:
        with undisturbed():
            given = looped_over(capture, given)
            told = told_by_data(capture, given)
            data, pipeline = data_behind(told, given)
    except Exception as error:
        return capture, known, (f"the data was not looked at: {in_a_sentence(error)}",)
    run = known.run
    if run is not None and run.trip is not None:
        run = replace(run, trip=replace(run.trip, pipeline=pipeline))
    return told, replace(known, data=data, run=run), ()


def with_source(known: Facts, capture: StepCapture) -> Facts:
    """The facts with what the source says of the step's lines, which a capsule has where the source is not at hand."""
    return replace(known, source=source_at((file, line) for file, line, *_ in capture.lines.values()))


def _rows_kept(folder: Path | None, capture: StepCapture, rows: Sequence[int]) -> tuple[str, ...]:
    """Add the fewest rows that fail to the capsule; says why where that failed."""
    if folder is None or not rows:
        return ()
    try:
        write_minimal_rows(folder, capture, rows)
    except Exception as error:
        return (f"the fewest rows that fail are not in the capsule: {in_a_sentence(error)}",)
    return ()


def not_taken(known: Facts, error: Exception) -> Facts:
    """What was known at the trip, with the reason why its step was not replayed."""
    reason = in_a_sentence(error)
    unavailable = dict.fromkeys(("step", "weights", "hidden"), f"the step could not be replayed: {reason}")
    assert known.run is not None
    assert known.run.trip is not None
    run = replace(known.run, trip=replace(known.run.trip, not_replayed=reason))
    return replace(known, run=run, unavailable={**known.unavailable, **unavailable})


def in_a_sentence(error: Exception) -> str:
    """What an error says, in one line."""
    if isinstance(error, NandoctorError):
        return error.message
    return " ".join(f"internal error, {type(error).__name__}: {error}".split())[:300]
