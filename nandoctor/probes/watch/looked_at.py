"""A look op by op at a step in which nothing tripped."""

from __future__ import annotations

from dataclasses import replace

from nandoctor.facts import Facts
from nandoctor.probes.watch.examined import Backward, Tripped, in_a_sentence, with_data, with_source
from nandoctor.probes.watch.failure import facts_of
from nandoctor.probes.watch.given_to_fit import given_to_fit
from nandoctor.probes.watch.live import live_names
from nandoctor.probes.watch.records import run_facts
from nandoctor.probes.watch.session import Optimizing, Watch
from nandoctor.probes.watch.spoken_names import losses_of
from nandoctor.probes.watch.taking import take_capture


def looked_at(
    watch: Watch,
    optimizing: Optimizing,
    *,
    known: Facts,
    seconds: float,
    made: Backward,
    running: bool,
    histograms: bool = False,
) -> Tripped | None:
    """A look at a step in which nothing tripped: the batch that was kept, on the weights as they are now.

    None where no batch was kept. While the script is `running` nothing of its input pipeline is run again. With
    `histograms` those of the layers' outputs and of the gradients are taken.
    """
    held = optimizing.recorder.held()
    if held is None:
        return None
    tracing = watch.differentiated.behind(watch.tracings[held[0] - 1])
    script = known.subject.path if known.subject else ""
    step = optimizing.recorder.asked() - 1
    known = replace(known, run=replace(run_facts(watch, script, None, seconds), check_ups=(step,)))
    try:
        live = live_names(tracing)
        owners = {name.rpartition("/")[0] for name in live.variables.values() if name.endswith("/moving_variance")}
        if known.run is not None:
            known = replace(known, run=replace(known.run, batch_normalizations=tuple(sorted(owners))))
        capture = take_capture(tracing, live, made.get(tracing.graph, ()))
        capture, known, notices = with_data(given_to_fit(watch, pipelines=not running), capture, known)
        if known.subject is not None:
            known = replace(known, subject=replace(known.subject, losses=losses_of(tracing.noted)))
        return Tripped(facts_of(capture, with_source(known, capture), histograms=histograms), None, notices)
    except Exception as error:
        run = replace(known.run, check_ups=()) if known.run is not None else None
        return Tripped(replace(known, run=run), None, (f"No step was looked at op by op: {in_a_sentence(error)}",))
