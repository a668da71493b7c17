"""A training script run from its start under the watch, as it is or with one change, until it has shown enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from nandoctor.facts import Facts
from nandoctor.probes.trials.settings import Setting, apply_setting
from nandoctor.probes.trials.sources import other_sources
from nandoctor.probes.watch.script import Program, run_program
from nandoctor.probes.watch.start import Watching
from nandoctor.probes.watch.wanted import Wanted


@dataclass(frozen=True)
class Attempt:
    """What to run: a program as it is, with other texts in the place of some of its files, or with one setting changed.

    It ends after `most_steps` updates of weights. With `looks` a step is looked at op by op in the end; without
    `replays` a step that fails is not examined.
    """

    program: Program
    most_steps: int | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    setting: Setting | None = None
    looks: bool = False
    replays: bool = True


@dataclass(frozen=True)
class Ran:
    """What came of an attempt: what was observed, the class of what the script raised, the time that it took.

    `failure` says why nothing was observed, None where it was.
    """

    facts: Facts | None
    raised: str | None
    seconds: float
    failure: str | None = None


Runner = Callable[[Attempt, float], Ran]
"""Runs an attempt for at most so many seconds."""


def run_here(attempt: Attempt) -> Ran:
    """Run an attempt in this process, which is the script's from now on: `sys.argv`, `sys.path` and `__main__`."""
    begun = time.monotonic()
    with ExitStack() as stack:
        capsules = Path(stack.enter_context(TemporaryDirectory()))
        stack.enter_context(other_sources(attempt.texts))
        applied = apply_setting(attempt.setting) if attempt.setting is not None else None
        if applied is not None:
            stack.callback(applied.take_back)
        looks = "auto" if attempt.looks else "off"
        wanted = Wanted(max_steps=attempt.most_steps, capsules=capsules, check_up=looks, replays=attempt.replays)
        watching = Watching(attempt.program.target, wanted)
        watching.begin()
        error = run_program(attempt.program)
        watching.end(error)
        facts = watching.facts()
    seconds = time.monotonic() - begun
    if applied is not None and not applied.used:
        return Ran(None, None, seconds, "it changes nothing of this script")
    return Ran(facts, raised_by(error, watching), seconds)


def raised_by(error: BaseException | None, watching: Watching) -> str | None:
    """The class of what a watched script raised; None where it ran to its end, or was ended by the watch."""
    ended = error is None or watching.stopped(error) or (isinstance(error, SystemExit) and not error.code)
    return None if ended else type(error).__name__
