"""From a captured step, and what was known when it failed, to the facts that rules read.

The watched run and the replay of a capsule both come through here, and so arrive at the same diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from nandoctor.errors import NandoctorError
from nandoctor.facts import DataFacts, Facts, Origin, StepFacts, SubjectFacts
from nandoctor.probes.models.versions import tool
from nandoctor.probes.models.weights import weight_facts
from nandoctor.probes.watch.capture import StepCapture
from nandoctor.probes.watch.replay import Replayed, replay


def facts_of(
    capture: StepCapture, known: Facts, meanwhile: Callable[[], object] | None = None, *, histograms: bool = False
) -> Facts:
    """What was known at the trip (`run`, `data`, notices and losses of `subject`) with what a replay of the step shows.

    A step that cannot be replayed leaves the facts as they are, with the reason in the trip. `meanwhile` is called
    while TensorFlow is busy, unless the step cannot even be restored. With `histograms` those of the layers' outputs
    and of the gradients are taken.
    """
    script = known.run.script if known.run else ""
    try:
        replayed = replay(capture, script, meanwhile, histograms=histograms)
    except NandoctorError as error:
        return _not_replayed(known, script, error.message)
    except Exception as error:  # TensorFlow raises of all kinds; what was known at the trip stays true
        return _not_replayed(known, script, f"{type(error).__name__}: {error}".splitlines()[0])
    step = replace(replayed.step, origins=tuple(_placed(one, known.data) for one in replayed.step.origins))
    return replace(
        _with_trip(known, reproduced=_reproduced(step)),
        tool=tool(),
        subject=_subject(replayed, known),
        weights=weight_facts(replayed.model),
        step=step,
        hidden=replayed.hidden,
    )


def nonfinite(step: StepFacts) -> bool:
    """Whether anything in a replayed step was not finite."""
    gradients = any(one.stats is not None and one.stats.nonfinite for one in step.gradients)
    return bool(step.origins) or gradients or not np.all(np.isfinite(step.losses))


def _reproduced(step: StepFacts) -> bool | None:
    """Whether the replay was non-finite as well; None where an op refused to run before anything was."""
    found = nonfinite(step)
    return None if step.refusals and not found else found


def minimal_rows(facts: Facts) -> Sequence[int]:
    """The rows of the batch that were found to be enough for the first thing that went wrong; empty where none were."""
    origins = facts.step.origins if facts.step else ()
    return next((origin.rows for origin in origins if origin.rows and origin.reaches), ())


def _placed(origin: Origin, data: DataFacts | None) -> Origin:
    """The origin with its rows in the user's own data, where all of them are known."""
    rows = None if data is None or origin.rows is None else data.rows_of_batch(origin.rows)
    return replace(origin, dataset_rows=rows)


def _subject(replayed: Replayed, known: Facts) -> SubjectFacts:
    if known.subject is None:
        return replayed.subject
    return replace(replayed.subject, losses=known.subject.losses, notices=known.subject.notices)


def _not_replayed(known: Facts, script: str, reason: str) -> Facts:
    subject = known.subject or SubjectFacts("script", script, "training script", None, ())
    unavailable = dict.fromkeys(("step", "weights", "hidden"), f"the step could not be replayed: {reason}")
    told = _with_trip(known, not_replayed=reason)
    return replace(told, subject=subject, unavailable={**known.unavailable, **unavailable})


def _with_trip(known: Facts, *, reproduced: bool | None = None, not_replayed: str | None = None) -> Facts:
    if known.run is None or known.run.trip is None:
        return known
    trip = replace(known.run.trip, reproduced=reproduced, not_replayed=not_replayed)
    return replace(known, run=replace(known.run, trip=trip))
