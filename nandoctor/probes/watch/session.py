"""One watched run: what its hooks share."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from weakref import WeakSet

from nandoctor.facts import EvaluationFacts
from nandoctor.probes.compat.callbacks import unseen
from nandoctor.probes.compat.watching import replica_number
from nandoctor.probes.watch.differentiated import Differentiated
from nandoctor.probes.watch.eager import EagerRecorder
from nandoctor.probes.watch.eager_guard import EagerGuard
from nandoctor.probes.watch.evaluating import Evaluating, evaluation_of
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.looped_over import LoopedOver
from nandoctor.probes.watch.measured import MeasuredUpdates, updates_applied
from nandoctor.probes.watch.noted import Notebook
from nandoctor.probes.watch.recorder import Recorder
from nandoctor.probes.watch.schedule import Schedule
from nandoctor.probes.watch.seen import Trip
from nandoctor.probes.watch.tables_read import TablesRead
from nandoctor.probes.watch.terms import TermRecord
from nandoctor.probes.watch.traced_before import TracedBefore

POLL_SECONDS = 0.05


class StoppedError(SystemExit):
    """The training is stopped: no `except Exception` of the script is to catch it."""


@dataclass
class Optimizing:
    """One optimizer of the script, and its recorder; one for each replica of a distributed training.

    `variables` are those that it updates, `trains` is the model that holds them, once that is known. `looked` says that
    the batch which the recorder holds was looked at. `clipped` says that the script clips its gradients before it hands
    them over, as far as their ops tell. `applied` is how many updates a LossScaleOptimizer had made before the first
    that was watched (None for any other), `left_out` how many the watch has left out itself. `updates` measures single
    updates, `terms` records those of the loss where it has several. `recorded` is the number of the tracing that stands
    for its steps that run eagerly, once one was needed. `called` are the names that the models have for its variables,
    by those in `names`, once they were asked for. `passed_over` are the steps that were asked for after one that was
    left out, before the watch came to look: they are not recorded. `lossless` says that nobody knows the loss of its
    updates, as their gradients come from elsewhere.
    """

    optimizer: Any
    recorder: Recorder
    names: tuple[str, ...]
    replica: int = 0
    variables: Sequence[Any] = ()
    trains: str | None = None
    looked: bool = False
    clipped: bool = False
    applied: int | None = None
    left_out: int = 0
    called: Mapping[str, str] | None = None
    passed_over: set[int] = field(default_factory=set)
    terms: TermRecord | None = None
    recorded: int | None = None
    lossless: bool = False
    updates: MeasuredUpdates = field(default_factory=MeasuredUpdates)

    @cached_property
    def eagerly(self) -> EagerGuard:
        """What guards its updates that run eagerly."""
        return EagerGuard(self.recorder)


@dataclass
class Fitting:
    """What `fit` was given, and where it is.

    `split` says that it validates on the last part of these data.
    `epochs` are the epochs that have begun, with the updates asked for until then by the identity of the optimizer.
    """

    model: Any
    x: Any
    y: Any
    split: bool = False
    epochs: list[tuple[int, dict[int, int]]] = field(default_factory=list)


@dataclass
class Watch:
    """The state of a watched run.

    `on_trip` is called with what tripped; after that nothing is guarded any more, but with `skip`, where the numbers of
    the steps that were left out are gathered in `skipped`. `schedule` says when a step in which nothing tripped is
    looked at, by `on_look` whose batch is kept, and when the records are read, by `on_reading`. `on_evaluation` is
    called with the first evaluation whose failing batch was kept. `ways` are how
    the script trains, `epochs` how many epochs of `fit` have begun. `late` says that TensorFlow was there before the
    watch: models may have been traced without it, `retraced` are those that have been traced anew since, and
    `traced_before` knows the functions that have not. `seconds`
    is the time that the watch's own Python code took, `failure` what made it switch itself off.
    """

    on_trip: Callable[[Watch, Optimizing, Trip], None]
    on_look: Callable[[Watch, Optimizing], None]
    on_reading: Callable[[Watch], None]
    schedule: Schedule
    skip: bool = False
    max_steps: int | None = None
    eager: EagerRecorder = field(default_factory=EagerRecorder)
    differentiated: Differentiated = field(default_factory=Differentiated)
    notebook: Notebook = field(default_factory=Notebook)
    tracings: list[Tracing] = field(default_factory=list)
    optimizing: dict[int, Optimizing] = field(default_factory=dict)
    fitting: Fitting | None = None
    fitted: Fitting | None = None
    looped_over: LoopedOver = field(default_factory=LoopedOver)
    tables: TablesRead = field(default_factory=TablesRead)
    off: bool = False
    looking: bool = False
    within: set[int] = field(default_factory=set)
    polled: float = 0.0
    ways: dict[str, None] = field(default_factory=dict)
    epochs: int = 0
    evaluations: list[EvaluationFacts] = field(default_factory=list)
    evaluating: Evaluating = field(default_factory=Evaluating)
    on_evaluation: Callable[[Watch, EvaluationFacts], None] | None = None
    skipped: list[int] = field(default_factory=list)
    late: bool = False
    retraced: WeakSet[Any] = field(default_factory=WeakSet)
    traced_before: TracedBefore = field(default_factory=TracedBefore)
    seconds: float = 0.0
    failure: str | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """What the watch itself does in a hook: an error in it ends the watch, never the script."""
        begun, before = time.perf_counter(), self.seconds
        try:
            with unseen():
                yield
        except Exception as error:
            self.give_up(error)
        finally:
            # What one hook does within another's work is counted once.
            self.seconds = before + time.perf_counter() - begun

    def give_up(self, error: Exception) -> None:
        """Switch the watch off, and say so once, in one line on standard error."""
        self.off = True
        if self.failure is None:
            self.failure = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            told = f"nandoctor: internal error, the watch is off and the script goes on without it: {self.failure}"
            print(told, file=sys.stderr, flush=True)
        with suppress(Exception):
            self.disarm()

    def disarm(self) -> None:
        """Let every update through that was built behind a guard: what was traced stays traced."""
        self.off = True
        self.eager.pause()
        for one in self.optimizing.values():
            one.recorder.disarm()
        self.evaluating.disarm()

    def traced_anew(self, model: Any) -> None:
        """Let Keras forget what it has traced before the watch, once for each model."""
        if self.late and model not in self.retraced:
            model.train_function = None
        self.retraced.add(model)

    def epoch_begins(self, epoch: int) -> None:
        """Keras' fit says so."""
        self.epochs += 1
        if self.fitting is not None and not self.off:
            self.fitting.epochs.append((epoch, {key: one.recorder.asked() for key, one in self.optimizing.items()}))

    def evaluated(self, results: Any) -> None:
        """Look at what the evaluate or predict that runs gives back; the first batch that was not finite is told."""
        running = self.evaluating.running
        begun = self.fitting.epochs if self.fitting else []
        found = evaluation_of(running.way, results, begun[-1][0] if begun else None) if running else None
        if found is not None:
            self.evaluations.append(found)
        if self.evaluating.located or self.evaluating.kept() is None:
            return
        if found is not None and self.on_evaluation is not None:
            self.evaluating.located = True
            self.on_evaluation(self, found)
        self.evaluating.forget()

    def poll(self, *, now: bool = False) -> None:
        """Look whether something tripped: `now`, or every 50 ms; always where the training goes on after a trip."""
        time_now = time.monotonic()
        always = now or self.skip or self.max_steps or self.schedule.every or self.measuring
        if self.off or not (always or time_now - self.polled >= POLL_SECONDS):
            return
        self.polled = time_now
        for one in self.optimizing.values():
            kind, _, step = one.recorder.tripped()
            if not kind:
                continue
            self.off = not self.skip
            self.on_trip(self, one, Trip(kind))
            if self.skip:
                # Until the trip is looked at nothing is updated, so that its batch stays kept.
                self.skipped += range(step, one.recorder.asked())
                one.passed_over |= {*range(step + 1, one.recorder.asked())}
                one.left_out += one.recorder.asked() - step
                one.recorder.clear()
        if not (self.off or self.looking or self.eager.open):
            # While a tape is open, what is computed would be recorded on it.
            self.looking = True
            try:
                with self.eager.silence():
                    self._check_up()
            finally:
                self.looking = False
        if self.max_steps and not self.off and self.steps() >= self.max_steps:
            self.off = True
            raise StoppedError(0)

    def _check_up(self) -> None:
        """Look at the batches that are kept, have others kept where that is due, read the records where that is."""
        if self.measuring:
            with self.schedule.preparing():
                for one in self.optimizing.values():
                    one.updates.end(one.recorder.asked(), one.variables)
        held = [one for one in self.optimizing.values() if not one.looked and one.recorder.held() is not None]
        for one in held:
            one.looked = True
            self.schedule.look(self.steps(), partial(self.on_look, self, one))
            with self.schedule.preparing():
                one.updates.begin(one.recorder.asked(), one.variables)
        if self.schedule.look_due(self.steps()):
            for one in self.optimizing.values():
                if one.looked:
                    one.looked = False
                    one.recorder.want()
        if self.optimizing and self.schedule.reading_due():
            self.schedule.read(partial(self.on_reading, self))

    @property
    def measuring(self) -> bool:
        """Whether a single update is being measured."""
        return any(one.updates.before is not None for one in self.optimizing.values())

    def optimized(self, optimizer: Any, names: tuple[str, ...], variables: Sequence[Any]) -> Optimizing:
        """The record of an optimizer and its variables, on the replica that is being traced."""
        replica = replica_number()
        key = id(optimizer) if not replica else hash((id(optimizer), replica))
        if key not in self.optimizing:
            recorder = Recorder(len(names), looks=self.schedule.looks and not replica)
            found = Optimizing(optimizer, recorder, names, replica, variables)
            found.applied = updates_applied(optimizer)
            self.optimizing[key] = found
        return self.optimizing[key]

    def steps(self) -> int:
        """How many updates were asked for so far, of all optimizers together."""
        return sum(one.recorder.asked() for one in self.optimizing.values() if not one.replica)
