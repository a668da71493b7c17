"""A training, watched: a script of its own, or a block of code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nandoctor.api.writing import write_facts
from nandoctor.config import FailOn, is_reached, read_config
from nandoctor.finding import Finding, Report

if TYPE_CHECKING:
    from nandoctor.diagnosis.check_ups import CheckUps
    from nandoctor.diagnosis.judging import Training
    from nandoctor.facts import Facts
    from nandoctor.policy import Policy
    from nandoctor.probes.watch.script import Program
    from nandoctor.probes.watch.start import Watching
    from nandoctor.probes.watch.wanted import Wanted


class TrainingError(Exception):
    """A watched training with findings: `report` holds them, and the message is that report as a table.

    A notebook shows the report in its place, and one line instead of a traceback.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(f"\n{report}\n")
        self.report = report
        self._shown = False

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback, which would only lead to nandoctor itself."""
        from IPython.display import display

        from nandoctor.reports.table import in_short

        # IPython asks a second time for its history.
        if not self._shown:
            self._shown = True
            display(self.report)
        return [f"{type(self).__name__}: {in_short(self.report)}"]


@dataclass(frozen=True)
class Outcome:
    """How a watched script ended.

    `error` is what it raised in the end (SystemExit, too), None where it ran to its last line; `stopped` says that
    nandoctor ended it. `told` is the run in one sentence. `report` is None in a process that the script forked off, for
    a script that is no Python, and where it could not be made: `failure` is why. `training`, `facts` and `capsule`
    (None where none was written) are what it takes to try remedies. `end_board` takes the report that TensorBoard is to
    show, where that was wanted; then its files are closed.
    """

    report: Report | None
    error: BaseException | None
    stopped: bool = False
    tripped: bool = False
    told: str = ""
    failure: Exception | None = None
    training: Training | None = None
    facts: Facts | None = None
    capsule: Path | None = None
    end_board: Callable[[Report], None] = lambda _: None


def run(
    program: Program, wanted: Wanted, *, save_facts: Path | None = None, warn: Callable[[str], None] | None = None
) -> Outcome:
    """Run a script in this process as `python` would, watch its training, and say what is wrong with its numbers.

    `warn` is told what a check-up has found, in one line, while the script still runs; it goes to standard error
    otherwise. NandoctorError (exit code 2) where there is no such script, or where the folder for TensorBoard cannot be
    written. `sys.argv`, `sys.path` and `__main__` are the script's afterwards, since its handlers at exit still have to
    run.
    """
    from nandoctor.probes.watch.script import is_no_python, run_program

    folder, environment = Path.cwd(), dict(os.environ)
    watching, earlier = _watching(program.target, wanted, warn or _on_standard_error, folder)
    watching.begin()
    try:
        error = run_program(program)
    except BaseException:
        # There is no such script: the hooks must not outlive it where the process goes on.
        watching.end()
        raise
    if os.getpid() != watching.process:
        return Outcome(None, error)
    if error is not None and is_no_python(error):
        # Not a line of it has run: there is nothing to say but what Python says.
        watching.end(error)
        return Outcome(None, error)
    report, failure, training = None, None, None
    try:
        watching.end(error)
        report = _diagnosed(watching, earlier(), read_config(folder).policy)
        training = _training(program, watching, error, folder, environment)
        if save_facts is not None:
            write_facts(watching.facts(), save_facts)
    except Exception as wrong:
        failure = wrong
    return Outcome(
        report=report,
        error=error,
        stopped=watching.stopped(error),
        tripped=watching.tripped is not None,
        told=watching.told(report.run.nearest_limit if report is not None and report.run is not None else None),
        failure=failure,
        training=training,
        facts=watching.facts() if training is not None else None,
        capsule=watching.capsule,
        end_board=lambda report: _end_board(watching, report),
    )


def _end_board(watching: Watching, report: Report) -> None:
    from nandoctor.reports.formats import ReportFormat, render

    if watching.board is not None:
        watching.end_board(render(report, ReportFormat.MARKDOWN))


def _training(
    program: Program, watching: Watching, error: BaseException | None, folder: Path, environment: Mapping[str, str]
) -> Training | None:
    """What it takes to run the program again; None where there was no training."""
    from nandoctor.diagnosis.judging import Training
    from nandoctor.probes.trials.attempt import raised_by

    run_facts = watching.facts().run
    if run_facts is None or not (run_facts.steps or run_facts.trip):
        return None
    file = getattr(sys.modules["__main__"], "__file__", None)
    return Training(
        program=program,
        script=folder / file if file else None,
        run=run_facts,
        folder=folder,
        environment=environment,
        raised=raised_by(error, watching),
        most_steps=watching.wanted.max_steps,
        policy=read_config(folder).policy,
    )


@dataclass
class Watched:
    """What `watch` gives: `report` is there when its block has ended."""

    report: Report | None = None


@contextmanager
def watch(
    *,
    on_trip: Literal["stop", "skip"] = "stop",
    max_steps: int | None = None,
    capsule_dir: Path | str | None = None,
    fail_on: FailOn | None = None,
    tensorboard: Path | str | None = None,
) -> Iterator[Watched]:
    """Watch the training inside the block, in a notebook, a script or a test.

    With "stop" the training ends where its numbers turn non-finite, with "skip" the poisoned updates are left out.
    TrainingError when the block has ended with findings at or above `fail_on` (by default what the project's settings
    say, else "error"); what else it raises is left alone. `tensorboard` is a folder that the records, what is seen in
    check-ups and the report are written to for TensorBoard; NandoctorError where it cannot be written.
    What was traced before the block began (a compiled `tf.function`) is not watched; the models that `fit` is called
    on are traced anew.
    """
    from nandoctor.probes.watch.wanted import CAPSULES, Wanted

    config = read_config()
    capsules = Path(capsule_dir) if capsule_dir is not None else CAPSULES
    wanted = Wanted(on_trip, max_steps, capsules, tensorboard=Path(tensorboard) if tensorboard is not None else None)
    watching, earlier = _watching(_what_runs(), wanted, _on_standard_error, Path.cwd())
    watched = Watched()
    watching.begin()
    try:
        yield watched
    except BaseException as error:
        watching.end(error)
        if not watching.stopped(error):
            if watching.board is not None:
                watching.board.close()
            raise
    watching.end()
    report = _diagnosed(watching, earlier(), config.policy)
    if watching.saw_nothing:
        told = watching.told()
        report = replace(report, notices=(f"{told[0].upper()}{told[1:]}.", *report.notices))
    watched.report = report
    _end_board(watching, report)
    if is_reached(fail_on or config.fail_on or "error", report.summary):
        raise TrainingError(watched.report) from None


def _watching(
    script: str, wanted: Wanted, warn: Callable[[str], None], folder: Path
) -> tuple[Watching, Callable[[], Sequence[Finding]]]:
    """A watch that tells at once what its check-ups find, and what gives all that they have found.

    `folder` is where the settings are looked for: the script may leave it.
    """
    from nandoctor.probes.watch.start import Watching

    check_ups: list[CheckUps] = []

    def found(facts: Facts) -> None:
        # Not before the script has imported what it needs: a check-up comes long after that.
        from nandoctor.diagnosis.check_ups import CheckUps

        if not check_ups:
            check_ups.append(CheckUps(read_config(folder).policy))
        for line in check_ups[0].told(facts):
            warn(line)

    return Watching(script, wanted, found), lambda: check_ups[0].gone() if check_ups else ()


def _on_standard_error(line: str) -> None:
    print(f"nandoctor: {line}", file=sys.stderr, flush=True)


def _diagnosed(watching: Watching, earlier: Sequence[Finding], policy: Policy) -> Report:
    """The report on a run that is over, with what earlier looks found."""
    from nandoctor.diagnosis.diagnose import diagnose
    from nandoctor.diagnosis.moment import with_earlier

    report = diagnose(watching.facts(), policy)
    if watching.tripped is None:
        of_others = [finding for one in watching.other_looks for finding in diagnose(one, policy).findings]
        report = with_earlier(report, [*of_others, *earlier])
    return replace(report, notices=(*report.notices, *watching.notices))


def _what_runs() -> str:
    """The name of what the block stands in: the test, the notebook, IPython in a terminal, or the script."""
    if "pytest" in sys.modules and (test := os.environ.get("PYTEST_CURRENT_TEST")):
        return test.rpartition(" ")[0]
    # While IPython is being imported there is no such function in it.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return sys.argv[0]
    return "notebook" if hasattr(shell, "kernel") else "IPython"
