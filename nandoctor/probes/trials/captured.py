"""A captured step as one to operate on."""

from __future__ import annotations

from nandoctor.facts import Facts
from nandoctor.probes.trials.patient import Patient, patient_of
from nandoctor.probes.watch.capture import StepCapture, fed_batch
from nandoctor.probes.watch.replay import restore

READ = "/read"
"""How TensorFlow 1 names what a variable holds."""


def captured_patient(capture: StepCapture, facts: Facts) -> Patient | str:
    """The failing step of a run, with the learning rate that it had; or why it cannot be operated on."""
    run = facts.run
    subject, step, feeds, fixed = restore(capture, run.script if run is not None else "")
    others = fed_batch(capture).others
    # A session's step holds the values of its variables, and no handles.
    values = step.captured()[len(capture.held) :]
    held = {one.name.removesuffix(READ): value for one, value in zip(others, values, strict=True)}
    rate = run.trip.learning_rate if run is not None and run.trip is not None else None
    return patient_of(subject, step, feeds, fixed=fixed, rate=rate, held=held)
