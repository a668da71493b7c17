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
    VerboseOption,
    delivery,
    exit_code,
    print_report,
    unknown,
    write_copies,
)
from nandoctor.config import check_settings_apart
from nandoctor.errors import USAGE, NandoctorError
from nandoctor.reports.formats import ReportFormat

if TYPE_CHECKING:
    from nandoctor.api import Outcome
    from nandoctor.cli.main import Settings


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
    report_format: FormatOption = ReportFormat.TABLE,
    output: OutputOption = None,
    save_facts: SaveFactsOption = None,
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

    \b
    The exit code is the script's own where there is nothing to report. What the script prints and how it ends is as
    under `python`.
    """
    from nandoctor.cli.output import escaping, tell

    if check_up not in ("auto", "off") and not (check_up.isdecimal() and int(check_up)):
        raise NandoctorError(f"--check-up {check_up}: give auto, off, or every how many steps", USAGE)
    # The script may change the working folder.
    copies = [path.absolute() for path in output or []]
    saved, capsules = save_facts.absolute() if save_facts else None, capsule_dir.absolute()
    read = () if module else (Path(script[0]),)
    baseline = baseline.absolute() if baseline else None
    check_settings_apart()
    wanted = delivery(
        report_format,
        copies,
        fail_on,
        baseline=baseline,
        quiet=quiet,
        verbose=verbose,
        reads=read,
        writes=(saved,),
    )
    settings: Settings = context.obj

    def run_and_report() -> Ending:
        from nandoctor import api
        from nandoctor.probes.watch.script import Program
        from nandoctor.probes.watch.start import Wanted

        stdout = sys.stdout
        outcome = api.run(
            Program(script[0], tuple(script[1:]), is_module=module),
            Wanted(
                on_trip.value,
                max_steps,
                capsules,
                capsule_limit,
                int(check_up) if check_up.isdecimal() else check_up,
            ),
            save_facts=saved,
            warn=_silent if wanted.detail == "brief" else None,
        )
        failed = 0
        try:
            if outcome.report is not None:
                # What tripped is among the findings, of which the baseline may know.
                tripped = outcome.tripped and wanted.baseline is None
                report = unknown(outcome.report, wanted)
                outcome = replace(outcome, report=report, tripped=tripped)
                with redirect_stdout(stdout), escaping():
                    _tell(outcome, wanted)
                write_copies(report, wanted)
            if outcome.failure is not None:
                raise outcome.failure
        except NandoctorError as error:
            failed = tell(error, traceback=settings.traceback)
        except Exception as error:
            tell(error, traceback=settings.traceback)
        return ending(outcome, wanted.fail_on, failed)

    # It is run once the command line has been read and left: nothing of it is to stand around the script.
    settings.then = run_and_report


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
    if wanted.report_format is not ReportFormat.TABLE or not silent:
        print_report(report, wanted)


Then = Callable[[], Ending]
