"""The smallest set of rows of a batch that bring a birth or a refusal about, found by running again without rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nandoctor.errors import NandoctorError
from nandoctor.probes.steps.flow import Key
from nandoctor.probes.steps.interpreter import Execution, Interpreter, RefusedError
from nandoctor.probes.steps.observation import Mark, Observations, StepObserver
from nandoctor.probes.steps.run import arguments
from nandoctor.probes.steps.trace import Batch, Step
from nandoctor.wording import listing

Fails = Callable[[Sequence[int]], bool]
MOST_RUNS = 64
MOST_SECONDS = 20.0
MOST_SECONDS_TOGETHER = 30.0
ONE_BY_ONE = 8
# What is looked at in the first batch alone (the magnitudes in loops, absorbed additions) has been by now.
AGAIN = 1


class _ReachedError(Exception):
    """The op of the birth has run; `born` says whether it was born again."""

    def __init__(self, born: bool) -> None:
        super().__init__()
        self.born = born


class _BudgetError(Exception):
    """No runs or no time left."""


class _UntilBorn:
    """Watches as `StepObserver` does, and stops at the op of the birth."""

    def __init__(self, observer: StepObserver, observations: Observations, key: tuple[Any, ...]) -> None:
        self._observer, self._observations, self._key = observer, observations, key

    def result(self, execution: Execution) -> list[Mark]:
        given = self._observer.result(execution)
        if execution.instruction.index == self._key[2] and execution.scope.path == self._key[1]:
            born = self._key in self._observations.births
            if born or not execution.scope.in_loop:
                raise _ReachedError(born)
        return given


@dataclass(frozen=True)
class Culprits:
    """Rows of the batch; `note` says what was not established (None: the set was verified by running it)."""

    rows: tuple[int, ...] | None
    note: str | None = None


def culprit_rows(
    step: Step,
    key: tuple[Any, ...],
    guess: tuple[int, ...] | None,
    batch: Batch,
    *,
    fixed_batch: bool,
    seconds: float = MOST_SECONDS,
) -> Culprits:
    """The rows behind the birth `key` in a batch.

    A union of minimal sets: what is left of the batch without them does not show the birth any more. `guess` are the
    rows in which its values lie, if the tensor has a batch axis. `fixed_batch` says that the model takes no other
    number of rows: then rows are not removed but replaced by one that is kept. It takes `seconds` at most, and the run
    that is under way then.
    """

    def happens(fed: list[Any], rows: int) -> bool:
        return _born_with(step, key, fed, rows)

    limit = min(seconds, MOST_SECONDS)
    return _searched(step, (key[1], key[2]), batch, happens, guess=guess, fixed_batch=fixed_batch, seconds=limit)


def refused_rows(step: Step, refused: RefusedError, batch: Batch, *, fixed_batch: bool) -> Culprits:
    """The rows of a batch for which TensorFlow refuses to run an op; `fixed_batch` as for `culprit_rows`."""
    keys = [node.key for node in step.flow.nodes.values() if node.instruction is refused.instruction]
    if not keys:
        return Culprits(None, "Its rows were not looked for.")

    def happens(fed: list[Any], rows: int) -> bool:
        return _refused_with(step, refused, fed, rows)

    return _searched(step, keys[0], batch, happens, guess=None, fixed_batch=fixed_batch)


def _searched(
    step: Step,
    place: Key,
    batch: Batch,
    happens: Callable[[list[Any], int], bool],
    *,
    guess: tuple[int, ...] | None,
    fixed_batch: bool,
    seconds: float = MOST_SECONDS,
) -> Culprits:
    """The rows with which something happens at an op; `happens` runs the step on flat tensors of so many rows."""
    _, fed_by = step.flow.ancestors(place)
    if not any(argument < len(step.fed) for argument in fed_by):
        return Culprits(None, "It does not depend on the batch.")
    count = len(batch.rows)

    def fails(rows: Sequence[int]) -> bool:
        filled = [row if row in rows else rows[0] for row in range(count)] if fixed_batch else list(rows)
        return happens(batch.taken(filled).flat(), len(filled))

    return search(_within_budget(fails, seconds), guess, count)


def search(fails: Fails, guess: tuple[int, ...] | None, count: int) -> Culprits:
    """The union of minimal failing sets of rows 0..count-1, by running `fails` on sets of rows."""
    everything = list(range(count))
    try:
        if not fails(everything):
            return Culprits(guess, "It did not happen again when the batch was run once more.")
        if guess is not None and 0 < len(guess) < count:
            rest = [row for row in everything if row not in guess]
            if fails(guess) and not fails(rest):
                found = _one_by_one(fails, list(guess))
                if len(found) == len(guess) or not fails([row for row in everything if row not in found]):
                    return Culprits(found)
        return _minimal_sets(fails, everything)
    except _BudgetError:
        return Culprits(guess, "Its rows were not narrowed down further: the runs allowed for it were used up.")
    except NandoctorError:
        return Culprits(guess, "Its rows are not verified: the model does not run on a part of the batch.")


def _one_by_one(fails: Fails, guess: list[int]) -> tuple[int, ...]:
    """Of a set that suffices and is needed, the rows that fail alone; the smallest joint set where none does."""
    if len(guess) == 1 or len(guess) > ONE_BY_ONE:
        return tuple(guess)
    alone = [row for row in guess if fails([row])]
    return tuple(alone) if alone else tuple(sorted(_smallest(fails, guess)))


def _minimal_sets(fails: Fails, everything: list[int]) -> Culprits:
    """Take minimal failing sets away until the rest is well."""
    rest, found = list(everything), list[int]()
    while rest and fails(rest):
        tried = (rest[0], rest[len(rest) // 2], rest[-1])
        if not found and len(rest) > 3 and all(fails([row]) for row in tried):
            return Culprits(
                tuple(everything),
                f"Any one row of the batch is enough: rows {listing(tried)} were each tried alone, and it happened.",
            )
        smallest = _smallest(fails, rest)
        found += smallest
        rest = [row for row in rest if row not in smallest]
    return Culprits(tuple(sorted(found)))


def _smallest(fails: Fails, rows: list[int]) -> list[int]:
    """A subset that fails and of which no part does (Zeller and Hildebrandt's ddmin, 2002)."""
    parts = 2
    while len(rows) > 1:
        size = -(-len(rows) // parts)
        chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
        for chunk in chunks:
            if fails(chunk):
                rows, parts = chunk, 2
                break
        else:
            for chunk in chunks if len(chunks) > 2 else []:
                others = [row for row in rows if row not in chunk]
                if fails(others):
                    rows, parts = others, max(parts - 1, 2)
                    break
            else:
                if size == 1:
                    break
                parts = min(len(rows), parts * 2)
    return rows


def _within_budget(fails: Fails, seconds: float = MOST_SECONDS) -> Fails:
    started, runs = time.monotonic(), 0

    def limited(rows: Sequence[int]) -> bool:
        nonlocal runs
        runs += 1
        if runs > MOST_RUNS or time.monotonic() - started > seconds:
            raise _BudgetError
        return fails(rows)

    return limited


def _refused_with(step: Step, refused: RefusedError, fed: list[Any], rows: int) -> bool:
    """Whether TensorFlow refuses to run that op on these tensors."""
    observer = StepObserver(Observations(), {}, AGAIN, rows, {})
    try:
        with np.errstate(all="ignore"):
            Interpreter(step.library, observer).run(step.root, *arguments(step, observer, fed))
    except RefusedError as again:
        return again.instruction is refused.instruction
    return False


def _born_with(step: Step, key: tuple[Any, ...], fed: list[Any], rows: int) -> bool:
    """Whether the birth happens with these tensors; the run ends at its op."""
    observations = Observations()
    observer = StepObserver(observations, {}, AGAIN, rows, {})
    given, marks = arguments(step, observer, fed)
    try:
        with np.errstate(all="ignore"):
            Interpreter(step.library, _UntilBorn(observer, observations, key)).run(step.root, given, marks)
    except _ReachedError as reached:
        return reached.born
    return key in observations.births
