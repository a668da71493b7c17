"""The README of a capsule: what is in it, and how to go on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from nandoctor.facts import Facts
from nandoctor.probes.watch.manifest import LeftOut

CONTENTS = {
    "manifest.json": "names, versions, source lines",
    "step.graphdef": "the traced step",
    "batch.npz": "the batch that failed: input_0, ..., label_0, ...",
    "minimal-rows.npz": "the fewest rows of it that fail, once they were found",
    "state.npz": "what else the step was given: random states, constants",
    "weights.npz": "the variables that it failed on, by the keys in the manifest",
    "last-good.weights.h5": "the last good weights",
    "optimizer.npz": "the optimizer's variables",
    "facts.json": "what was known at the trip: the last steps, the data",
}


def readme(folder: Path, facts: Facts, left_out: Sequence[LeftOut]) -> str:
    """The text of README.txt."""
    absent = {one.part for one in left_out}
    trip = facts.run.trip if facts.run else None
    what = "batch of an evaluation" if trip is not None and trip.kind == "evaluation" else "training step"
    lines = [f"A {what} that failed, kept by nandoctor.", ""]
    if trip is not None:
        place = "" if trip.epoch is None else f", epoch {trip.epoch}"
        place += "" if trip.batch is None else f", batch {trip.batch}"
        at = (
            f"{trip.way}, after {trip.step} steps" if trip.kind == "evaluation" else f"{trip.kind}, at step {trip.step}"
        )
        lines += [f"Not finite: {at}{place} (counted from 0)", ""]
    lines += ["The diagnosis again, without the script and its data:", f"    nandoctor replay {_quoted(folder)}", ""]
    if "last-good.weights.h5" not in absent:
        lines += [
            "To go on from the last good weights, build the model as the script does, and then:",
            f"    model.load_weights({str(folder / 'last-good.weights.h5')!r})",
            "",
        ]
    elif "weights.npz" not in absent:
        lines += [
            "The variables of the step by name:",
            "    import json, numpy as np",
            f"    folder = {str(folder)!r}",
            '    arrays = np.load(folder + "/weights.npz")',
            '    held = json.load(open(folder + "/manifest.json"))["held"]',
            '    variables = {one["name"]: arrays[one["key"]] for one in held}',
            "",
        ]
    lines += [f"{name:22} {what}" for name, what in CONTENTS.items() if name not in absent]
    if left_out:
        lines += ["", "Not in here:"] + [f"{one.part:22} {one.reason}" for one in left_out]
    lines += ["", f"Written by {facts.tool.name} {facts.tool.version}, TensorFlow {facts.tool.tensorflow}."]
    return "\n".join(lines) + "\n"


def _quoted(folder: Path) -> str:
    return shlex.quote(str(folder))
