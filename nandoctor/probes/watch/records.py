"""What the watch recorded, as facts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import tensorflow as tf

from nandoctor.facts import History, OptimizerFacts, RunFacts, SourceLine, TripFacts
from nandoctor.facts.run import TripKind
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.live import model_of
from nandoctor.probes.watch.measured import updates_applied
from nandoctor.probes.watch.recorder import TOTALS
from nandoctor.probes.watch.scheduled import nonfinite_schedule
from nandoctor.probes.watch.seen import Trip
from nandoctor.probes.watch.session import Optimizing, Watch
from nandoctor.probes.watch.updating import loss_scale

KINDS: Mapping[Trip, TripKind] = {
    Trip.LOSS: "loss",
    Trip.GRADIENT: "gradient",
    Trip.LEARNING_RATE: "learning-rate",
    Trip.WEIGHTS: "weights",
    Trip.ELSEWHERE: "other-worker",
}


def run_facts(watch: Watch, script: str, trip: TripFacts | None, seconds: float, *, slots: bool = True) -> RunFacts:
    """The run so far. `seconds` is how long it took; without `slots` those of the optimizers are not looked at."""
    if slots and sum(not one.replica for one in watch.optimizing.values()) > 1:
        for one in watch.optimizing.values():
            one.trains = one.trains or model_of(one.variables)
    return RunFacts(
        script=script,
        steps=watch.steps(),
        optimizers=tuple(optimizer_facts(one, slots=slots) for one in watch.optimizing.values()),
        trip=trip,
        evaluations=tuple(watch.evaluations),
        ways=tuple(watch.ways),
        epochs=watch.epochs or None,
        skipped_updates=tuple(watch.skipped),
        seconds=seconds,
        cost=watch.seconds / seconds if seconds > 0.0 else None,
    )


def optimizer_facts(one: Optimizing, *, slots: bool = True) -> OptimizerFacts:
    """One optimizer as it is now, with its history."""
    optimizer = one.optimizer
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    applied = updates_applied(optimizer) if one.applied is not None else None
    made = None if applied is None or one.applied is None else applied - one.applied
    return OptimizerFacts(
        name=type(inner).__name__,
        trains=one.trains,
        steps=one.recorder.asked(),
        dtype=_dtype(inner),
        epsilon=_number(getattr(inner, "epsilon", None)),
        schedule=_schedule(inner),
        clip=_clip(inner),
        momentum=_number(getattr(inner, "momentum", None)) or 0.0,
        loss_scale=_number(loss_scale(optimizer)),
        skipped=0 if made is None else max(one.recorder.asked() - one.left_out - made, 0),
        bad_slots=tuple(_bad_slots(optimizer)) if slots else (),
        history=history(one),
    )


def history(one: Optimizing) -> History:
    """The flight recorder of an optimizer, read off the device; norms from half their squares."""
    rows = one.recorder.rows().astype(np.float64)
    first = 1 + (one.recorder.tripped()[2] if one.recorder.tripped()[0] else one.recorder.asked() - 1) - len(rows)
    norms = np.sqrt(2.0 * rows[:, TOTALS:])
    count = one.recorder.variables
    return History(
        first_step=first,
        loss=(math.nan,) * len(rows) if one.lossless else tuple(rows[:, 0].tolist()),
        learning_rate=tuple(rows[:, 1].tolist()),
        gradient_norms={name: tuple(norms[:, place].tolist()) for place, name in enumerate(one.names)},
        weight_norms={name: tuple(norms[:, count + place].tolist()) for place, name in enumerate(one.names)},
        terms=one.terms.values(first, len(rows)) if one.terms is not None else {},
        updates=_updates(one, first, len(rows)),
        clipped=one.clipped,
    )


def _updates(one: Optimizing, first: int, steps: int) -> dict[str, tuple[float, ...]]:
    """The measured updates of each variable over its norm, NaN at the other steps; empty where none was measured."""
    found = {step - first: ratios for step, ratios in one.updates.ratios.items() if 0 <= step - first < steps}
    if not found:
        return {}
    unknown = (math.nan,) * len(one.names)
    by_step = [found.get(place, unknown) for place in range(steps)]
    return dict(zip(one.names, zip(*by_step, strict=True), strict=True))


def trip_facts(watch: Watch, one: Optimizing, kind: Trip) -> TripFacts:
    """The moment of the trip, before the step is replayed."""
    _, tracing, number = one.recorder.tripped()
    epoch, batch = _place(watch, one, number)
    rows = one.recorder.rows()
    worker = _worker(one) if kind == Trip.ELSEWHERE else getattr(one.recorder, "place", None)
    replicas = {other.replica for other in watch.optimizing.values()}
    distributed = kind != Trip.ELSEWHERE and (worker is not None or len(replicas) > 1)
    return TripFacts(
        kind=KINDS[kind],
        step=number,
        epoch=epoch,
        batch=batch,
        optimizer=[other is one for other in watch.optimizing.values()].index(True),
        worker=worker,
        replica=one.replica if distributed else None,
        learning_rate=float(rows[-1, 1]) if len(rows) else None,
        bad=_bad(one, kind, watch.tracings[tracing - 1]),
        rate_made=_rate_made(one.optimizer) if kind == Trip.LEARNING_RATE else None,
    )


def _place(watch: Watch, one: Optimizing, step: int) -> tuple[int | None, int | None]:
    """The epoch of `fit` and the batch in it, both from 0; None outside of fit."""
    begun = watch.fitting.epochs if watch.fitting else []
    found = [(epoch, counts.get(id(one.optimizer), 0)) for epoch, counts in begun]
    for epoch, first in reversed(found):
        if first <= step:
            return epoch, (step - first) // _updates_a_batch(watch, one)
    return None, None


def _updates_a_batch(watch: Watch, one: Optimizing) -> int:
    """How often the optimizer updates the weights for one batch, as a critic is trained several times in a step.

    These updates are guarded in one graph, and read the same batch.
    """
    mine = {id(variable) for variable in one.variables}
    guarded = [each for each in watch.tracings if {id(variable) for variable in each.variables} == mine]
    fed = [{id(kept.tensor) for kept in each.kept if kept.kind in ("argument", "pipeline")} for each in guarded]
    together = [sum(bool(some & others) for others in fed) for some in fed]
    return max(together, default=1) or 1


def _worker(one: Optimizing) -> int | None:
    """The worker whose step was not finite; None where one trains alone."""
    worker = getattr(one.recorder, "worker", None)
    return None if worker is None else int(worker.numpy())


def _bad(one: Optimizing, kind: Trip, tracing: Tracing) -> tuple[str, ...]:
    """The names of the losses, gradients or variables that were not finite."""
    if kind == Trip.LOSS:
        return ("loss",)
    if kind == Trip.LEARNING_RATE:
        return ("learning rate",)
    if kind == Trip.ELSEWHERE:
        return (f"worker {_worker(one)}",)
    if kind == Trip.WEIGHTS:
        values = [variable.numpy() for variable in tracing.variables if tf.executing_eagerly()]
        return tuple(name for name, value in zip(one.names, values, strict=False) if not _finite(value))
    squares = one.recorder.rows()[-1, TOTALS : TOTALS + one.recorder.variables]
    return tuple(name for name, square in zip(one.names, squares, strict=True) if not np.isfinite(square))


def _bad_slots(optimizer: Any) -> list[str]:
    variables = getattr(optimizer, "variables", ())
    # A method in the optimizers of Keras 2 that are called legacy.
    variables = variables() if callable(variables) else variables
    # Those of a plain graph have no value outside of its session.
    variables = [one for one in variables if tf.executing_eagerly()]
    values = [(getattr(one, "path", one.name), value_of(one)) for one in variables]
    return [str(name) for name, value in values if not _finite(value)]


def value_of(variable: Any) -> Any:
    """A variable's value as an array, on the first replica of a distributed one."""
    return variable.numpy() if hasattr(variable, "numpy") else np.asarray(variable)


def _finite(value: Any) -> bool:
    if value.dtype.kind in "iub":
        return True
    return bool(np.all(np.isfinite(value.astype(np.float32) if value.dtype.itemsize < 4 else value)))


def _dtype(optimizer: Any) -> str:
    """The narrowest dtype among the weights, in which it calculates; float32 where that is not known."""
    variables = getattr(optimizer, "_trainable_variables", None) or ()
    dtypes = [tf.as_dtype(one.dtype) for one in variables]
    return str(min((one for one in dtypes if one.is_floating), key=lambda one: one.size, default=tf.float32).name)


def _schedule(optimizer: Any) -> str | None:
    rate = getattr(optimizer, "_learning_rate", None)
    return type(rate).__name__ if callable(getattr(rate, "get_config", None)) and callable(rate) else None


def _rate_made(optimizer: Any) -> tuple[str, SourceLine] | None:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if _schedule(inner) is None or not tf.executing_eagerly():
        return None
    with suppress(Exception):
        return nonfinite_schedule(inner._learning_rate, inner.iterations)
    return None


def _clip(optimizer: Any) -> str | None:
    for name in ("clipnorm", "global_clipnorm", "clipvalue"):
        value = getattr(optimizer, name, None)
        if value is not None:
            return f"{name}={value:g}"
    return None


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
