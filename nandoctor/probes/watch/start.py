"""A watched run from its begin to its end: waits for TensorFlow and Keras, and keeps what was found.

TensorFlow is not imported here before the script has imported it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nandoctor.probes.board.board import Board, open_board
from nandoctor.probes.watch.imports import when_imported
from nandoctor.probes.watch.instrument import ended_by_instrument
from nandoctor.probes.watch.schedule import Schedule
from nandoctor.probes.watch.tables_read import TablesRead
from nandoctor.probes.watch.wanted import Wanted

if TYPE_CHECKING:
    from nandoctor.facts import EvaluationFacts, Facts
    from nandoctor.probes.watch.examined import Keep, Tripped
    from nandoctor.probes.watch.seen import Trip
    from nandoctor.probes.watch.session import Optimizing, Watch

_running: list[Watching] = []


def is_watched() -> bool:
    """Whether a run is being watched in this process."""
    return bool(_running)


@dataclass(eq=False)
class Watching:
    """One watched run.

    `script` is the name that the report gives it; `found_so_far` is told the facts of each check-up while the script
    runs. `board` is what is written for TensorBoard, None where nothing is. `watch` exists from the import of
    TensorFlow on. `tripped` are the facts of the first trip, `evaluated` those of the first evaluation that was not
    finite, `capsule` is the folder that the last of them was written to, `looks` are the facts of the last look at a
    step in which nothing tripped, for each optimizer; `looked` are the steps that were looked at. `unwatched` says why
    a script that imported Keras cannot be watched.
    """

    script: str
    wanted: Wanted
    found_so_far: Callable[[Facts], None] = lambda _: None
    board: Board | None = None
    watch: Watch | None = None
    tripped: Facts | None = None
    evaluated: Facts | None = None
    looks: dict[int, Facts] = field(default_factory=dict)
    looked: list[int] = field(default_factory=list)
    capsule: Path | None = None
    unwatched: str | None = None
    notices: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    process: int = field(default_factory=os.getpid)
    _tables: TablesRead = field(default_factory=TablesRead)
    _undo: list[Callable[[], None]] = field(default_factory=list)
    _backward: Any = None
    _late: bool = False
    _waiting: list[ModuleType] = field(default_factory=list)
    _ended: bool = False
    _instrument: str | None = None
    _facts: Facts | None = None

    def begin(self) -> None:
        """Watch from now on, or from when TensorFlow and Keras are imported.

        NandoctorError (exit code 2) where the folder for TensorBoard cannot be written.
        """
        if self.wanted.tensorboard is not None:
            self.board = open_board(self.wanted.tensorboard)
        self._late = "tensorflow" in sys.modules
        _running.append(self)
        self._tables.begin()
        self._undo.append(when_imported(self._imported))

    def end(self, error: BaseException | None = None) -> None:
        """Look a last time, and take all hooks away. The script is over: what is found now stops nothing.

        `error` is what it raised in the end; who interrupts it does not want to wait for a look at its last state.
        """
        try:
            self._instrument = ended_by_instrument(error)
            if self.watch is not None and not self._ended:
                self._ended = True
                with self.watch.working():
                    self._last_look(self.watch, check_up=not isinstance(error, KeyboardInterrupt))
        finally:
            self._ended = True
            self._tables.end()
            if self in _running:
                _running.remove(self)
            for undo in reversed(self._undo):
                undo()
            self._undo.clear()

    def _last_look(self, watch: Watch, *, check_up: bool) -> None:
        from nandoctor.wording import listing, plural

        watch.max_steps = None
        watch.poll(now=True)
        if watch.skipped:
            count = plural(len(watch.skipped), "step")
            self.notices.append(f"The weights were not updated at {count}: {listing(watch.skipped)}.")
        if watch.traced_before.training:
            self.notices.append(
                f"Not watched: the steps of {listing(watch.traced_before.training)}, as traced before the watch began. "
                "What is first called inside of it is watched."
            )
        if check_up and self.tripped is None and not watch.off and watch.schedule.step < watch.steps():
            for one in watch.optimizing.values():
                self._look(watch, one)
        with watch.eager.silence():
            self._onto_board(watch)
        # What was traced keeps its guard, which is to let everything through from now on.
        watch.disarm()
        for model in watch.retraced:
            model.train_function = None

    def _look(self, watch: Watch, optimizing: Optimizing) -> None:
        """Look op by op at the step whose batch is kept."""
        from nandoctor.probes.watch.looked_at import looked_at
        from nandoctor.probes.watch.observed import known_of

        found = looked_at(
            watch,
            optimizing,
            known=known_of(self.script),
            seconds=time.monotonic() - self.begun,
            made=self._backward,
            running=not self._ended,
            histograms=self.board is not None,
        )
        if found is None:
            return
        self.looks[id(optimizing)] = found.facts
        if found.facts.run is not None:
            self.looked += [step for step in found.facts.run.check_ups if step not in self.looked]
        self._onto_board(watch, found.facts, optimizing)
        self.notices += [one for one in found.notices if one not in self.notices]
        if not self._ended:
            self.found_so_far(found.facts)

    def _read(self, watch: Watch) -> None:
        """Read the records of the last steps."""
        recorded = self._recorded(watch)
        self._onto_board(watch, recorded)
        self.found_so_far(recorded)

    def _recorded(self, watch: Watch) -> Facts:
        from nandoctor.probes.watch.observed import known_of
        from nandoctor.probes.watch.records import run_facts

        run = run_facts(watch, self.script, None, time.monotonic() - self.begun, slots=False)
        return known_of(self.script, run)

    def _onto_board(self, watch: Watch, facts: Facts | None = None, looked: Optimizing | None = None) -> None:
        board = self.board
        if board is not None:
            from nandoctor.probes.watch.on_board import onto_board

            board.attempt(lambda: onto_board(board, watch, facts or self._recorded(watch), looked))

    def end_board(self, report: str) -> None:
        """Write the report (Markdown) for TensorBoard, where that was wanted, and close its files."""
        board, watch = self.board, self.watch
        if board is not None and watch is not None:
            from nandoctor.probes.watch.on_board import end_board

            board.attempt(lambda: end_board(board, watch, self.facts(), report))

    @property
    def steps(self) -> int:
        """How many updates of weights were watched."""
        return self.watch.steps() if self.watch is not None else 0

    @property
    def saw_nothing(self) -> bool:
        """Whether there was neither an update of weights nor an evaluation."""
        return self.watch is None or not (self.steps or self.tripped or self.watch.evaluations)

    def stopped(self, error: BaseException | None) -> bool:
        """Whether it was the watch that ended the training by this error."""
        if self.watch is None or error is None:
            return False
        from nandoctor.probes.watch.session import StoppedError

        return isinstance(error, StoppedError)

    def told(self, nearest: str | None = None) -> str:
        """The run in one sentence, with how near anything came to a limit."""
        if self.watch is None or self.saw_nothing:
            return f"nothing was watched: {self._instrument or self._why_unwatched()}"
        from nandoctor.facts import RunFacts
        from nandoctor.probes.watch.sentence import sentence

        seconds = time.monotonic() - self.begun
        known = self._facts.run if self._facts is not None else None
        run = known or RunFacts(self.script, self.steps, seconds=seconds)
        told = sentence(run, max_steps=self.wanted.max_steps, nearest=nearest, spent=self.watch.seconds)
        return f"{told}; {self._instrument}" if self._instrument and self.tripped is None else told

    def _why_unwatched(self) -> str:
        from nandoctor.wording import listing

        if self.unwatched:
            return self.unwatched
        if self.watch is None:
            return "the script did not import TensorFlow"
        if self.watch.failure:
            return f"the watch switched itself off ({self.watch.failure})"
        if self.watch.traced_before.training:
            return f"{listing(self.watch.traced_before.training)} had been traced before the watch began"
        return "no optimizer updated any weights"

    def facts(self) -> Facts:
        """What was observed, once the run is over."""
        if self._facts is None:
            from nandoctor.probes.watch.observed import observed

            self._facts = observed(self)
        return self._facts

    @property
    def other_looks(self) -> tuple[Facts, ...]:
        """The facts of the last looks that are not those of `facts`: at the steps of other optimizers."""
        looks = tuple(self.looks.values())
        return looks if self.evaluated is not None else looks[:-1]

    def _imported(self, name: str, module: ModuleType) -> None:
        if self._ended or os.getpid() != self.process:
            return
        try:
            if name == "tensorflow":
                self._tensorflow()
            else:
                self._keras(module)
        except Exception as error:
            self._failed(error)

    def _tensorflow(self) -> None:
        from weakref import WeakKeyDictionary

        from nandoctor.probes.compat.watching import on_backward_ops
        from nandoctor.probes.watch.hooks import install_tensorflow
        from nandoctor.probes.watch.session import Watch
        from nandoctor.probes.watch.session_hooks import install_sessions

        check_up = self.wanted.check_up
        watch = Watch(
            self._on_trip,
            self._look,
            self._read,
            Schedule(check_up != "off", check_up if isinstance(check_up, int) else None, self.begun),
            skip=self.wanted.on_trip == "skip",
            max_steps=self.wanted.max_steps,
            late=self._late,
            on_evaluation=self._on_evaluation,
        )
        watch.tables = self._tables
        made: WeakKeyDictionary[Any, list[tuple[str, range]]] = WeakKeyDictionary()
        self._backward = made
        self._undo.append(on_backward_ops(lambda graph, op, places: made.setdefault(graph, []).append((op, places))))
        self._undo += install_tensorflow(watch)
        self._undo += install_sessions(watch)
        self.watch = watch
        for keras in self._waiting:
            self._keras(keras)

    def _keras(self, keras: ModuleType) -> None:
        backend = keras.backend.backend()
        if backend != "tensorflow":
            self.unwatched = f"Keras runs on {backend} here, and only TensorFlow is watched"
        elif self.watch is None:
            # TensorFlow itself imports Keras before it is whole.
            self._waiting.append(keras)
        else:
            from nandoctor.probes.watch.hooks import install_keras, install_tf_keras

            install = install_tf_keras if keras.__name__ == "tf_keras" else install_keras
            self._undo += install(self.watch, keras)

    def _failed(self, error: Exception) -> None:
        if self.watch is not None:
            self.watch.give_up(error)
        else:
            self.unwatched = f"internal error: {type(error).__name__}: {error}"
            print(f"nandoctor: {self.unwatched}; the script goes on unwatched", file=sys.stderr)

    def _on_trip(self, watch: Watch, optimizing: Optimizing, kind: Trip) -> None:
        """Keep what failed while it is there, then stop the training."""
        from nandoctor.probes.watch.session import StoppedError

        if self.tripped is None:
            with watch.working():
                self._keep(watch, optimizing, kind)
        if self.wanted.on_trip == "stop" and not self._ended:
            raise StoppedError(1)

    def _keep(self, watch: Watch, optimizing: Optimizing, kind: Trip) -> None:
        from nandoctor.probes.watch.observed import known_of
        from nandoctor.probes.watch.records import run_facts, trip_facts
        from nandoctor.probes.watch.tripped import tripped

        known = known_of(self.script)
        seconds = time.monotonic() - self.begun
        if not self.wanted.replays:
            run = run_facts(watch, self.script, trip_facts(watch, optimizing, kind), seconds)
            self.tripped = replace(known, run=run)
            return
        found = tripped(
            watch,
            optimizing,
            kind,
            known=known,
            seconds=seconds,
            keep=self._how_to_keep(),
        )
        self.tripped = found.facts
        self._onto_board(watch, found.facts, optimizing)
        self._tell_kept(found)

    def _on_evaluation(self, watch: Watch, evaluation: EvaluationFacts) -> None:
        """Keep what failed while it is there; the script goes on."""
        from nandoctor.probes.watch.evaluated import evaluated
        from nandoctor.probes.watch.observed import known_of

        found = evaluated(
            watch,
            evaluation,
            known=known_of(self.script),
            seconds=time.monotonic() - self.begun,
            keep=self._how_to_keep(),
        )
        self.evaluated = found.facts
        self._tell_kept(found)

    def _how_to_keep(self) -> Keep:
        from nandoctor.probes.watch.examined import Keep

        wanted = self.wanted
        return Keep(self._backward, wanted.capsules, wanted.capsule_limit, histograms=self.board is not None)

    def _tell_kept(self, found: Tripped) -> None:
        self.capsule = found.capsule
        self.notices += found.notices
        if found.capsule is not None:
            replayed = found.facts.run is None or found.facts.run.trip is None or not found.facts.run.trip.not_replayed
            again = f"; `nandoctor replay {found.capsule}` examines it again" if replayed else f" in {found.capsule}"
            what = "step" if self.evaluated is None or found.facts is not self.evaluated else "batch"
            self.notices.append(f"The {what} is kept{again}.")
