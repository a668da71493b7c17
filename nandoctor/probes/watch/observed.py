"""What was observed of a run: before it has tripped, and once it is over."""

from __future__ import annotations

import platform
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from nandoctor import __version__
from nandoctor.facts import Facts, RunFacts, SubjectFacts
from nandoctor.finding import Tool

if TYPE_CHECKING:
    from nandoctor.probes.watch.start import Watching


def known_of(script: str, run: RunFacts | None = None) -> Facts:
    """What is known of a script before anything is looked at; of the programs those that it has loaded."""
    versions = {name: getattr(sys.modules.get(name), "__version__", None) for name in ("tensorflow", "keras")}
    tool = Tool("nandoctor", __version__, versions["tensorflow"], versions["keras"], platform.python_version())
    return Facts(tool=tool, subject=SubjectFacts("script", script, "training script", None, ()), run=run)


def observed(watching: Watching) -> Facts:
    """What was observed, once the run is over: at the trip, at a bad evaluation, at the last look, or of the record."""
    run = RunFacts(watching.script, 0, seconds=time.monotonic() - watching.begun)
    if watching.watch is not None:
        from nandoctor.probes.watch.records import run_facts

        with watching.watch.working():
            run = run_facts(watching.watch, watching.script, None, run.seconds)
    if watching.tripped is not None and watching.tripped.run is not None:
        # The history and the optimizers' state that belong to the trip are those at the trip.
        at_trip = watching.tripped.run
        late = replace(at_trip, steps=run.steps, seconds=run.seconds, skipped_updates=run.skipped_updates)
        return replace(watching.tripped, run=late)
    if watching.evaluated is not None and watching.evaluated.run is not None:
        return replace(watching.evaluated, run=replace(run, trip=watching.evaluated.run.trip))
    if watching.looks:
        last = list(watching.looks.values())[-1]
        normalizations = last.run.batch_normalizations if last.run is not None else ()
        return replace(last, run=replace(run, check_ups=tuple(watching.looked), batch_normalizations=normalizations))
    return known_of(watching.script, run)
