"""What a watched run came to, in sentences, and the end of its record."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from nandoctor.facts import History, RunFacts, TripFacts
from nandoctor.facts.dynamics import growth
from nandoctor.finding import RecordedStep, RunReport
from nandoctor.stats import DTYPE_LIMITS
from nandoctor.wording import listing, number, plural

LAST_STEPS = 16
# A loss that rose by less is not said to have grown.
_RISE = 10.0
_TOLD_OF_A_TRIP = (
    "kind",
    "step",
    "epoch",
    "batch",
    "bad",
    "learning_rate",
    "reproduced",
    "not_replayed",
    "worker",
    "replica",
    "way",
)


def run_report(run: RunFacts, nearest_limit: str | None = None) -> RunReport:
    """The run for a report. `nearest_limit` is what a look at a step said of it; else the largest loss tells."""
    optimizer = run.tripped_optimizer or next(iter(run.optimizers), None)
    history = optimizer.history if optimizer else None
    recorded = tuple(_recorded(history, run.trip)) if history else ()
    return RunReport(
        steps=run.steps,
        told=_told(run, history),
        before=_before(run.trip, history),
        trip=_trip(run.trip),
        nearest_limit=nearest_limit or _nearest(run),
        cost=run.cost,
        recorded=recorded[-LAST_STEPS:],
        history=recorded,
    )


def run_examined(run: RunFacts) -> Iterator[str]:
    """What was looked at in a run, for the list of what was examined."""
    epochs = f" in {plural(run.epochs, 'epoch')}" if run.epochs else ""
    ways = f", by {listing(run.ways)}" if run.ways else ""
    yield f"training: {plural(run.steps, 'step')} watched{epochs}{ways}"
    for optimizer in run.optimizers:
        scale = f", loss scale {number(optimizer.loss_scale)}" if optimizer.loss_scale is not None else ""
        left_out = f", {optimizer.skipped:,} of them left out by the loss scale" if optimizer.skipped else ""
        yield f"optimizer: {optimizer.told}, {plural(optimizer.steps, 'update')}{left_out}{scale}"
        if optimizer.history is not None:
            yield from _terms(optimizer.history)
            yield from _measured_updates(optimizer.history)
    if run.check_ups:
        noun = "step" if len(run.check_ups) == 1 else "steps"
        yield f"check-ups: {noun} {listing(run.check_ups)} looked at op by op"
    if run.trip is not None:
        what = f"a batch of {run.trip.way}" if run.trip.kind == "evaluation" else f"step {run.trip.step:,}"
        yield f"replay of {what}: {_replay(run.trip)}"
    if run.skipped_updates:
        noun = "step" if len(run.skipped_updates) == 1 else "steps"
        yield f"left out: the updates of {noun} {listing(run.skipped_updates)}"
    if run.evaluations:
        yield f"evaluations: {plural(len(run.evaluations), 'result')} of evaluate, predict and validation looked at"
    if run.cost is not None:
        yield f"cost of the watch: {run.cost:.1%} of the time, its checks inside the steps not counted"


def _terms(history: History) -> Iterator[str]:
    """The terms of the loss at the last recorded step, where it has several."""
    if history.terms and history.steps:
        values = listing([f"{name} {number(values[-1])}" for name, values in history.terms.items()])
        yield f"terms of the loss at step {history.first_step + history.steps - 1:,}: {values}"


def _measured_updates(history: History) -> Iterator[str]:
    """The last update that was measured as a difference of the weights, if any was."""
    moved = [
        (step, name, ratios[step])
        for name, ratios in history.updates.items()
        for step in range(history.steps)
        if math.isfinite(ratios[step])
    ]
    if moved:
        last = max(step for step, _, _ in moved)
        name, ratio = max(((name, ratio) for step, name, ratio in moved if step == last), key=lambda pair: pair[1])
        yield f"update of step {history.first_step + last:,}: at most {number(ratio)} of a variable's norm ({name})"


def _told(run: RunFacts, history: History | None) -> str:
    trip = run.trip
    if trip is None:
        return f"{plural(run.steps, 'step')} watched, nothing tripped"
    where = [
        f"{name} {value:,}"
        for name, value in (
            ("epoch", trip.epoch),
            ("batch", trip.batch),
            ("worker", trip.worker),
            ("replica", trip.replica),
        )
        if value is not None
    ]
    place = f" ({', '.join(where)})" if where else ""
    if trip.kind == "evaluation":
        of = f" of {listing(trip.bad, 3)}" if trip.bad else ""
        what = "the validation" if trip.way == "validation" else trip.way
        return f"After {plural(trip.step, 'step')} of training {what} gave values{of} that are not finite{place}"
    several = len({one.told for one in run.optimizers}) > 1
    of = f" of {run.tripped_optimizer.told}" if several and run.tripped_optimizer is not None else ""
    return f"Training tripped at step {trip.step:,}{of}{place}: {_what(trip, history)}"


def _what(trip: TripFacts, history: History | None) -> str:
    loss = _value_at(history.loss if history else (), trip, history)
    bad = listing(trip.bad, 3)
    match trip.kind:
        case "loss":
            return f"the loss is {'not finite' if loss is None or math.isfinite(loss) else number(loss)}"
        case "gradient":
            of = f" of {bad}" if bad else ""
            finite = "" if loss is None or not math.isfinite(loss) else f", while the loss is {number(loss)}"
            return f"the gradient{of} is not finite{finite}"
        case "learning-rate":
            rate = trip.learning_rate
            return f"the learning rate is {'not finite' if rate is None else number(rate)}"
        case "weights":
            return f"the update left {bad or 'weights'} not finite, from finite gradients"
        case _:
            return f"the step of {bad or 'another worker'} was not finite, this one's was"


def _before(trip: TripFacts | None, history: History | None) -> str | None:
    """Whether the loss had been growing, or was fine until this batch."""
    if trip is None or trip.kind == "evaluation" or history is None or trip.step < history.first_step:
        return None
    earlier = history.before(trip.step)
    losses = [loss for loss in earlier.loss if math.isfinite(loss)]
    if trip.step == 0:
        return "It was the first step."
    if not losses:
        return None
    found = growth(earlier.loss)
    if found is not None and found.rise >= _RISE:
        return (
            f"Before it the loss grew {number(found.factor)} times a step for {plural(found.steps, 'step')}, from "
            f"{number(found.first)} to {number(found.last)}."
        )
    gradient = earlier.gradient_norm[-1]
    left_out = sum(1 for _ in takewhile(lambda norm: not math.isfinite(norm), reversed(earlier.gradient_norm)))
    if left_out:
        return f"The norm of the gradients was not finite in the {plural(left_out, 'step')} before, either."
    return (
        f"The loss was fine until this batch: {number(losses[-1])} at last, with a {history.norm_called} of "
        f"{number(gradient)}, and at most {number(max(losses))} in the {plural(len(losses), 'step')} recorded."
    )


def _value_at(values: tuple[float, ...], trip: TripFacts, history: History | None) -> float | None:
    place = trip.step - history.first_step if history else -1
    return values[place] if 0 <= place < len(values) else None


def _nearest(run: RunFacts) -> str | None:
    """How far the largest recorded loss or gradient norm is from the largest number."""
    histories = [optimizer.history for optimizer in run.optimizers if optimizer.history]
    values = [value for one in histories for value in (*one.loss, *one.gradient_norm) if 0.0 < abs(value) < math.inf]
    if not values:
        return None
    largest = max(map(abs, values))
    room = math.floor(math.log2(DTYPE_LIMITS["float32"].largest) - math.log2(largest))
    return f"nearest limit: loss and gradient norm reach {number(largest)}, 2^{room} below the largest float32"


def _replay(trip: TripFacts) -> str:
    if trip.not_replayed is not None:
        return f"not possible, {trip.not_replayed}"
    if trip.reproduced is None:
        return "none"
    return "not finite there either, looked at op by op" if trip.reproduced else "finite there"


def _trip(trip: TripFacts | None) -> Mapping[str, Any] | None:
    if trip is None:
        return None
    return {name: getattr(trip, name) for name in _TOLD_OF_A_TRIP}


def _recorded(history: History, trip: TripFacts | None) -> Iterator[RecordedStep]:
    """The steps of the record, up to the trip where there was one."""
    until = history.steps if trip is None else min(max(trip.step + 1 - history.first_step, 0), history.steps)
    norms = history.gradient_norm
    for place in range(until):
        yield RecordedStep(history.first_step + place, history.loss[place], norms[place], history.learning_rate[place])
