"""What the commands, a notebook and a test call.

NumPy is imported by what is called, not by this module: a script that is run is to be the first to import it.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nandoctor import __version__
from nandoctor.config import FailOn, read_config
from nandoctor.errors import USAGE, NandoctorError
from nandoctor.finding import Finding, Report, Tool

if TYPE_CHECKING:
    from nandoctor.diagnosis.check_ups import CheckUps
    from nandoctor.diagnosis.judging import Training
    from nandoctor.facts import Facts, FlaggedData, StepFacts
    from nandoctor.policy import Policy
    from nandoctor.probes.data.stream.part import Run
    from nandoctor.probes.models.subject import Subject
    from nandoctor.probes.trials.patient import Patient
    from nandoctor.probes.watch.script import Program
    from nandoctor.probes.watch.start import Wanted, Watching

Progress = Callable[[str, int, int], None]


def scan(
    model: Path | str,
    data: Path | str,
    *,
    labels: str | None = None,
    loss: str | None = None,
    signature: str | None = None,
    batch_size: int = 32,
    max_batches: int = 8,
    backward: bool = True,
    check_numerics: bool = True,
    unsafe: bool = False,
    treat: bool = False,
    save_facts: Path | None = None,
    notices: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Examine a saved model on data, forward and backward, and say what is wrong with its numbers, or that nothing is.

    `labels` names the target in the data file, `loss` a Keras loss or `module:function`; `unsafe` lets a `.keras` file
    bring its own code. With `treat` the remedies that are an operation on one step are tried on it. `notices` are
    sentences that the report is to show before its own. `progress(what, done, total)` is called as the work goes on.
    NandoctorError where the model or the data cannot be examined. Neither the model on disk nor the data is changed.
    """
    from nandoctor.diagnosis.diagnose import diagnose

    policy = read_config().policy
    progress = progress or _silent
    observed = observe(
        Path(model),
        Path(data),
        labels=labels,
        loss=loss,
        signature=signature,
        batch_size=batch_size,
        max_batches=max_batches,
        backward=backward,
        check_numerics=check_numerics,
        unsafe=unsafe,
        notices=notices,
        progress=progress,
    )
    if save_facts is not None:
        _write_facts(observed.facts, save_facts)
    report = diagnose(observed.facts, policy)
    if not treat:
        return report
    progress("trying the remedies", 0, 1)
    return _treated(report, observed.facts, observed.patient())


@dataclass(frozen=True)
class Observed:
    """What a scan observed, and how to get its step as one to operate on (or why it cannot be)."""

    facts: Facts
    patient: Callable[[], Patient | str]


def observe(
    model: Path,
    data: Path,
    *,
    labels: str | None,
    loss: str | None,
    signature: str | None,
    batch_size: int,
    max_batches: int,
    backward: bool,
    check_numerics: bool,
    unsafe: bool,
    notices: Sequence[str],
    progress: Progress,
) -> Observed:
    """Everything that a scan observes, before any rule has looked at it."""
    from nandoctor.facts import Facts
    from nandoctor.probes.data.batches import choose_rows, telling_rows
    from nandoctor.probes.data.match import match
    from nandoctor.probes.data.matched import WantedInput
    from nandoctor.probes.data.profile import data_facts
    from nandoctor.probes.data.ragged import take
    from nandoctor.probes.data.read import read_data

    progress("reading the data", 0, 1)
    data_set = read_data(data)
    progress("loading the model", 0, 1)
    from nandoctor.probes.models.load import load_subject
    from nandoctor.probes.models.versions import tool
    from nandoctor.probes.models.weights import weight_facts
    from nandoctor.probes.source.traced import source_at
    from nandoctor.probes.steps.examine import examine

    subject = load_subject(model, signature=signature, unsafe=unsafe)
    wanted = [WantedInput(one.name, one.shape, one.dtype, one.ragged) for one in subject.inputs]
    matched = match(data_set, wanted, subject.outputs, labels)
    profiled = data_facts(data_set, matched)
    batch_size = _fixed_batch(subject) or batch_size
    batches = choose_rows(matched.rows, batch_size, max_batches, telling_rows(profiled))
    examination = examine(
        subject,
        matched.inputs,
        matched.labels,
        batches,
        take=take,
        loss=loss,
        backward=backward,
        check_numerics=check_numerics,
        notices=(*notices, *matched.notes),
        progress=progress,
    )
    unavailable: Mapping[str, str] = {"check_numerics": "left out with --no-check-numerics"}

    def patient() -> Patient | str:
        from nandoctor.probes.trials.patient import patient_of

        return patient_of(subject, examination.training, examination.feeds, fixed=examination.fixed)

    facts = Facts(
        tool=tool(),
        subject=examination.subject,
        data=replace(profiled, batch_size=batch_size, examined_rows=tuple((rows.start, rows.stop) for rows in batches)),
        weights=weight_facts(subject),
        step=examination.step,
        hidden=examination.hidden,
        source=source_at(_lines(examination.step)),
        check_numerics=examination.check_numerics,
        unavailable={} if check_numerics else unavailable,
    )
    return Observed(facts, patient)


def check_data(
    *paths: Path | str,
    target: str | None = None,
    loss: str | None = None,
    head: str | None = None,
    dtype: str | None = None,
    splits: Mapping[str, str] | None = None,
    batch_size: int = 32,
    exclude: Sequence[str] = (),
    max_bytes: int | None = None,
    dask: str | None = None,
    save_facts: Path | None = None,
    scaler: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Examine data alone, to the cell, and say what would make a training non-finite or hard, and what to do about it.

    `target` names the label, `loss` and `head` (`UNITS:ACTIVATION`) what the labels are judged by, `dtype` what the
    values are to be fed as. With `splits` (name to path) the first is the one to train on. `dask` is a scheduler's
    address, or "local" for worker processes on this machine. `scaler` is where the means and variances of the columns
    go. `progress(rows, bytes)` is told what was read so far. TensorFlow is not loaded,
    but for .tfrecord. NandoctorError where the data cannot be examined.
    """
    from nandoctor.diagnosis.diagnose import diagnose
    from nandoctor.diagnosis.scaler import write_scaler
    from nandoctor.facts import Facts
    from nandoctor.probes.data.expected_model import expected_model
    from nandoctor.probes.data.stream.observe import observe_data

    policy = read_config().policy
    if not paths and not splits:
        raise NandoctorError("name a file, or the splits, to check", USAGE)
    subject = expected_model(str(paths[0] if paths else next(iter((splits or {}).values()))), loss, head)
    with _where(dask) as run:
        data = observe_data(
            [str(path) for path in paths],
            target=target,
            exclude=exclude,
            splits=splits or {},
            max_bytes=max_bytes,
            progress=progress,
            run=run,
        )
    facts = Facts(
        tool=Tool("nandoctor", __version__, None, None, platform.python_version()),
        subject=subject,
        data=replace(data, batch_size=batch_size, fed_as=dtype),
        unavailable={"subject": "neither --loss nor --head was given"},
    )
    if save_facts is not None:
        _write_facts(facts, save_facts)
    if scaler is not None:
        write_scaler(data, scaler)
    return diagnose(facts, policy)


def lint(*paths: Path | str, data: Path | str | None = None) -> Report:
    """Read Python files, and those below folders, and say what in them may turn numbers non-finite.

    Nothing is run. `data` is a report that `check_data` wrote (.json, .yaml), or data to examine now: its flagged
    columns are looked for in the calls of `fit`. TensorFlow is not loaded. NandoctorError where there is no Python
    file, or one cannot be read.
    """
    from nandoctor.diagnosis.linted import lint_report
    from nandoctor.facts import Facts
    from nandoctor.probes.source.read import source_facts

    if not paths:
        raise NandoctorError("name a file or a folder to look at", USAGE)
    policy = read_config().policy
    flagged = _flagged(Path(data)) if data is not None else None
    source = source_facts([Path(path) for path in paths], data=flagged)
    tool = Tool("nandoctor", __version__, None, None, platform.python_version())
    return lint_report(Facts(tool=tool, source=source), policy)


def _flagged(data: Path) -> FlaggedData:
    """What a saved report says about columns, or what a look at the data does."""
    from nandoctor.probes.source.flagged import flagged_in, saved_report

    report = saved_report(data)
    if report is None:
        from nandoctor.reports.contract import as_mapping

        report = as_mapping(check_data(data))
    return flagged_in(report)


class TrainingError(Exception):
    """A watched training with findings: `report` holds them, and the message is that report as a table."""

    def __init__(self, report: Report) -> None:
        from nandoctor.reports.formats import ReportFormat, render

        super().__init__(f"\n{render(report, ReportFormat.TABLE)}")
        self.report = report


@dataclass(frozen=True)
class Outcome:
    """How a watched script ended.

    `error` is what it raised in the end (SystemExit, too), None where it ran to its last line; `stopped` says that
    nandoctor ended it. `told` is the run in one sentence. `report` is None in a process that the script forked off, for
    a script that is no Python, and where it could not be made: `failure` is why. `training`, `facts` and `capsule`
    (None where none was written) are what it takes to try remedies.
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


def run(
    program: Program, wanted: Wanted, *, save_facts: Path | None = None, warn: Callable[[str], None] | None = None
) -> Outcome:
    """Run a script in this process as `python` would, watch its training, and say what is wrong with its numbers.

    `warn` is told what a check-up has found, in one line, while the script still runs; it goes to standard error
    otherwise. NandoctorError (exit code 2) where there is no such script. `sys.argv`, `sys.path` and `__main__` are the
    script's afterwards, since its handlers at exit still have to run.
    """
    from nandoctor.probes.watch.script import is_no_python, run_program

    folder, environment = Path.cwd(), dict(os.environ)
    watching, earlier = _watching(program.target, wanted, warn or _on_standard_error, folder)
    watching.begin()
    error = run_program(program)
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
            _write_facts(watching.facts(), save_facts)
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
    )


def treat(outcome: Outcome, report: Report, seconds: float) -> Report:
    """The report on a run with its remedies tried: on the step that failed, and by training again.

    For at most so many seconds the script is run again from its start, in a process of its own: as it is, and with one
    change after the other until one helps. Its files stay as they are; what it writes, it writes again.
    """
    from nandoctor.diagnosis.retraining import retrained
    from nandoctor.probes.trials.apart import run_apart
    from nandoctor.probes.trials.attempt import Attempt, Ran

    training = outcome.training
    if training is None or not report.findings:
        return report
    if outcome.facts is not None and outcome.capsule is not None:
        report = _operated(report, outcome.facts, outcome.capsule)

    def run_again(attempt: Attempt, most: float) -> Ran:
        return run_apart(attempt, most, training.folder, training.environment)

    return retrained(report, training, run_again, seconds)


def _operated(report: Report, facts: Facts, capsule: Path) -> Report:
    """The report with the remedies tried on the step in the capsule, as it was where that is not possible.

    What the first finding says of them is left to who tries them by training again.
    """
    from nandoctor.probes.trials.captured import captured_patient
    from nandoctor.probes.watch.capsule import read_capsule

    try:
        found = _treated(report, facts, captured_patient(read_capsule(capsule).capture, facts)).findings
        first = replace(found[0], message=report.findings[0].message)
        return replace(report, findings=(first, *found[1:]))
    except Exception as error:
        why = error.message if isinstance(error, NandoctorError) else f"{type(error).__name__}: {error}"
        notice = f"No remedy was tried on the step alone: {' '.join(why.split())[:300]}"
        return replace(report, notices=(*report.notices, notice))


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


def replay(
    capsule: Path | str, *, treat: bool = False, save_facts: Path | None = None, notices: Sequence[str] = ()
) -> Report:
    """Run the step in a capsule again and say what is wrong with its numbers, as the run that wrote it did.

    With `treat` the remedies that are an operation on one step are tried on it. `notices` are sentences that the report
    is to show after its own. NandoctorError where there is no whole capsule, or where its step may touch what is
    outside of it.
    """
    from nandoctor.diagnosis.diagnose import diagnose
    from nandoctor.probes.watch.capsule import read_capsule

    policy = read_config().policy
    found = read_capsule(Path(capsule))
    from nandoctor.probes.watch.failure import facts_of
    from nandoctor.probes.watch.needed import refuse_reaching_out

    try:
        refuse_reaching_out(found.capture)
    except NandoctorError as error:
        raise NandoctorError(f"{capsule}: {error.message}", error.exit_code) from error
    facts = facts_of(found.capture, found.facts)
    if facts.step is None:
        raise NandoctorError(f"{capsule}: {facts.unavailable['step']}")
    if save_facts is not None:
        _write_facts(facts, save_facts)
    report = diagnose(facts, policy)
    if treat:
        from nandoctor.probes.trials.captured import captured_patient

        report = _treated(report, facts, captured_patient(found.capture, facts))
    written = found.facts.tool.tensorflow
    if written != facts.tool.tensorflow:
        differs = f"The step was traced by TensorFlow {written} and replayed by {facts.tool.tensorflow}."
        notices = (differs, *notices)
    return replace(report, notices=(*report.notices, *notices))


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
) -> Iterator[Watched]:
    """Watch the training inside the block, in a notebook, a script or a test.

    With "stop" the training ends where its numbers turn non-finite, with "skip" the poisoned updates are left out.
    TrainingError when the block has ended with findings at or above `fail_on` (by default what the project's settings
    say, else "error"); what else it raises is left alone.
    What was traced before the block began (a compiled `tf.function`) is not watched; the models that `fit` is called
    on are traced anew.
    """
    from nandoctor.probes.watch.start import CAPSULES, Wanted

    config = read_config()
    capsules = Path(capsule_dir) if capsule_dir is not None else CAPSULES
    script = "notebook" if _in_notebook() else sys.argv[0]
    watching, earlier = _watching(script, Wanted(on_trip, max_steps, capsules), _on_standard_error, Path.cwd())
    watched = Watched()
    watching.begin()
    try:
        yield watched
    except BaseException as error:
        watching.end(error)
        if not watching.stopped(error):
            raise
    watching.end()
    watched.report = _diagnosed(watching, earlier(), config.policy)
    summary = watched.report.summary
    counted = {"error": summary.error, "warning": summary.error + summary.warning, "never": 0}
    if counted[fail_on or config.fail_on or "error"]:
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


def _treated(report: Report, facts: Facts, patient: Patient | str) -> Report:
    """The report with the remedies tried on the step."""
    from nandoctor.diagnosis.treatment import treated
    from nandoctor.probes.trials.surgery import trials

    return treated(report, trials(patient, facts, report.findings))


def _in_notebook() -> bool:
    return hasattr(sys.modules.get("IPython"), "get_ipython") and not sys.argv[0].endswith(".py")


def _where(dask: str | None) -> AbstractContextManager[Run]:
    """What runs the parts of the data: threads of this process, or the workers of a Dask scheduler."""
    from nandoctor.probes.data.stream.part import run_parts

    if dask is None:
        return nullcontext(run_parts)
    from nandoctor.probes.data.stream.dask import running_on

    return running_on(dask)


def _write_facts(facts: Facts, path: Path) -> None:
    # What reads and writes facts takes long to import.
    from nandoctor.facts.store import save_facts

    save_facts(facts, path)


def _lines(step: StepFacts | None) -> list[tuple[str, int]]:
    """The source lines of the operations that went wrong, as far as they are known."""
    if step is None:
        return []
    places = [*(one.source for one in step.origins), *(one.source for one in step.refusals)]
    return [(one.file, one.line) for one in places if one is not None]


def _fixed_batch(subject: Subject) -> int | None:
    """The batch size that the model insists on, None where it takes any."""
    for one in subject.inputs:
        if one.shape and one.shape[0] is not None:
            return one.shape[0]
    return None


def _silent(_what: str, _done: int, _total: int) -> None:
    """Nobody wants to know."""
