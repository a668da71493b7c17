"""`nandoctor run`: a training script, watched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from nandoctor.cli.options import (
    FINDINGS,
    BaselineOption,
    Delivery,
    FailOn,
    FailOnOption,
    FormatOption,
    OutputOption,
    QuietOption,
    SaveFactsOption,
    TensorboardOption,
    TreatBudgetOption,
    VerboseOption,
    WritePatchOption,
    delivery,
    exit_code,
    print_report,
    unknown,
    writable_board,
    write_copies,
    write_first_patch,
)
from nandoctor.cli.output import escaping, tell
from nandoctor.config import check_settings_apart
from nandoctor.errors import USAGE, NandoctorError
from nandoctor.reports.formats import ReportFormat

if TYPE_CHECKING:
    from nandoctor.api import Outcome
    from nandoctor.cli.main import Settings
    from nandoctor.finding import Report
    from nandoctor.probes.watch.script import Program
    from nandoctor.probes.watch.wanted import Wanted


class OnTrip(StrEnum):
    """What happens when the numbers of the training turn non-finite."""

    STOP = "stop"
    SKIP = "skip"


@dataclass(frozen=True)
class Ending:
    """How the process is to end: with what the script raised, or with an exit code."""

    error: BaseException | None
    code: int

    def leave(self) -> NoReturn:
        """End as the interpreter would have ended with the script."""
        if self.error is not None:
            from nandoctor.probes.watch.script import reraise

            reraise(self.error)
        sys.exit(self.code)


def run(
    context: typer.Context,
    script: Annotated[
        list[str],
        typer.Argument(metavar="SCRIPT [ARGUMENTS]...", help="The script, and what is to be handed to it, untouched."),
    ],
    *,
    module: Annotated[
        bool, typer.Option("-m", help="SCRIPT is the name of a module, as in `python -m`.", show_default=False)
    ] = False,
    on_trip: Annotated[
        OnTrip,
        typer.Option(
            metavar="stop|skip",
            help="When the numbers turn non-finite: stop the training, or leave out such updates and go on.",
        ),
    ] = OnTrip.STOP,
    max_steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="End the script after N steps of training.")
    ] = None,
    capsule_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="Where capsules go, from which a failing step can be replayed.")
    ] = Path(".nandoctor"),
    capsule_limit: Annotated[
        int, typer.Option(min=1, metavar="BYTES", help="The most that a capsule may take; parts are left out above it.")
    ] = 2_000_000_000,
    check_up: Annotated[
        str,
        typer.Option(
            metavar="auto|off|N",
            help="Look at healthy steps op by op: the first, the last and what 2 % of the time allow for; never; or "
            "every N steps.",
        ),
    ] = "auto",
    treat: Annotated[
        bool, typer.Option("--treat", help="Try the remedies: run the script again from its start with each of them.")
    ] = False,
    treat_budget: TreatBudgetOption = 300,
    write_patch: WritePatchOption = None,
    report_format: FormatOption = ReportFormat.TABLE,
    output: OutputOption = None,
    save_facts: SaveFactsOption = None,
    tensorboard: TensorboardOption = None,
    fail_on: FailOnOption = None,
    baseline: BaselineOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run a training script, unchanged, and watch its numbers.

    When they turn non-finite, the training stops, and the report says where that came from. Options stand before
    SCRIPT; all that follows it is the script's own.

    \b
    Examples:
      nandoctor run train.py --epochs 10
      nandoctor run -o report.json -m package.train --epochs 10
      nandoctor run --max-steps 20 --fail-on warning train.py
      nandoctor run --on-trip skip train.py
      nandoctor run --treat --write-patch remedy.diff train.py
      nandoctor run --tensorboard logs train.py

    \b
    The exit code is the script's own where there is nothing to report. What the script prints and how it ends is as
    under `python`.
    """
    if check_up not in ("auto", "off") and not (check_up.isdecimal() and int(check_up)):
        raise NandoctorError(f"--check-up {check_up}: give auto, off, or every how many steps", USAGE)
    if write_patch is not None and not treat:
        raise NandoctorError("--write-patch: only what was tried is written; give --treat, too", USAGE)
    from nandoctor.probes.watch.script import Program
    from nandoctor.probes.watch.wanted import Wanted

    baseline = baseline.absolute() if baseline else None
    check_settings_apart()

    # The script may change the working folder.
    copies, (saved, patch) = [path.absolute() for path in output or []], _absolute(save_facts, write_patch)
    read = () if module else (Path(script[0]),)
    settings: Settings = context.obj
    # It is run once the command line has been read and left: nothing of it is to stand around the script.
    settings.then = Run(
        Program(script[0], tuple(script[1:]), is_module=module),
        Wanted(
            on_trip.value,
            max_steps,
            capsule_dir.absolute(),
            capsule_limit,
            int(check_up) if check_up.isdecimal() else check_up,
            tensorboard=writable_board(tensorboard),
        ),
        delivery(
            report_format,
            copies,
            fail_on,
            baseline=baseline,
            quiet=quiet,
            verbose=verbose,
            reads=read,
            writes=(saved, patch),
        ),
        saved,
        treat_budget if treat else None,
        patch,
        traceback=settings.traceback,
    )


@dataclass(frozen=True)
class Run:
    """A run that is left to do: what to run and watch, where the report and the facts go, whether remedies are tried.

    `treat` is for how many seconds at most, None where none are; the diff of the first that helps goes to `patch`.
    """

    program: Program
    watched: Wanted
    delivery: Delivery
    save_facts: Path | None = None
    treat: int | None = None
    patch: Path | None = None
    traceback: bool = False

    def __call__(self) -> Ending:
        """Run the script, tell what was found, and say how the process is to end."""
        from nandoctor import api

        stdout = sys.stdout
        warn = _silent if self.delivery.detail == "brief" else None
        outcome = api.run(self.program, self.watched, save_facts=self.save_facts, warn=warn)
        failed = 0
        try:
            if outcome.report is not None:
                whole = outcome.report
                # What tripped is among the findings, of which the baseline may know.
                tripped = outcome.tripped and self.delivery.baseline is None
                report = unknown(outcome.report, self.delivery)
                outcome = replace(outcome, report=report, tripped=tripped)
                if self.treat is not None:
                    outcome, report = _treated(outcome, report, self.treat, self.delivery)
                with redirect_stdout(stdout), escaping():
                    _tell(outcome, self.delivery)
                # As after a scan: all that was found, whatever the baseline knows of.
                outcome.end_board(report if self.delivery.baseline is None else whole)
                write_copies(report, self.delivery)
                if self.patch is not None:
                    write_first_patch(report, self.patch)
            if outcome.failure is not None:
                raise outcome.failure
        except NandoctorError as error:
            failed = tell(error, traceback=self.traceback)
        except Exception as error:
            tell(error, traceback=self.traceback)
        return ending(outcome, self.delivery.fail_on, failed)


def _absolute(*paths: Path | None) -> tuple[Path | None, ...]:
    return tuple(path.absolute() if path else None for path in paths)


def _treated(outcome: Outcome, report: Report, seconds: int, wanted: Delivery) -> tuple[Outcome, Report]:
    """The outcome and its report with the remedies tried; as they were where that is interrupted."""
    from nandoctor import api

    if outcome.training is None or not report.findings or report.findings[0].severity == "note":
        return outcome, report
    if wanted.detail != "brief":
        cause = report.findings[0].cause
        told = f"remedies for {cause} are tried, each by running the script again ({seconds} s at most)"
        print(f"nandoctor: {told}", file=sys.stderr, flush=True)
    try:
        report = api.treat(outcome, report, seconds)
    except KeyboardInterrupt:
        print("nandoctor: interrupted; the report is that without remedies tried", file=sys.stderr, flush=True)
    return replace(outcome, report=report), report


def _silent(_line: str) -> None:
    """Nobody wants to know."""


def ending(outcome: Outcome, fail_on: FailOn, failed: int = 0) -> Ending:
    """The end of the process: findings make it 1, else it is the script's own; an exception of the script stands.

    `failed` is the exit code where the report could not be written. That it could not be made is no fault of the
    script, whose end stands then, too.
    """
    code = exit_code(outcome.report.summary, fail_on) if outcome.report is not None else 0
    if outcome.tripped and fail_on != FailOn.NEVER:
        code = FINDINGS
    code = code or failed
    ended_itself = outcome.error is not None and not outcome.stopped
    if ended_itself and not (code and isinstance(outcome.error, SystemExit)):
        return Ending(outcome.error, code)
    return Ending(None, code)


def _tell(outcome: Outcome, wanted: Delivery) -> None:
    """The report on standard output; of a healthy run one line on standard error, where a table was asked for."""
    report = outcome.report
    assert report is not None
    silent = report.summary.verdict == "healthy" and not outcome.tripped and wanted.detail != "verbose"
    if wanted.detail != "brief":
        print(f"nandoctor: {outcome.told}", file=sys.stderr, flush=True)
    if wanted.report_format is ReportFormat.TABLE and outcome.tripped:
        # Keras leaves the line of a progress bar unfinished where the training is stopped.
        print(flush=True)
    if wanted.report_format is not ReportFormat.TABLE or not silent:
        print_report(report, wanted)


Then = Callable[[], Ending]
