"""`nandoctor replay`: the diagnosis of a failing step again, from its capsule."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nandoctor.cli.options import (
    BaselineOption,
    FailOnOption,
    FormatOption,
    OutputOption,
    QuietOption,
    SaveFactsOption,
    TensorboardOption,
    TreatOption,
    VerboseOption,
    deliver,
    delivery,
    writable_board,
)
from nandoctor.reports.formats import ReportFormat

if TYPE_CHECKING:
    from nandoctor.cli.main import Settings


def replay(
    context: typer.Context,
    capsule: Annotated[Path, typer.Argument(metavar="CAPSULE", help="The folder that `nandoctor run` wrote.")],
    *,
    treat: TreatOption = False,
    report_format: FormatOption = ReportFormat.TABLE,
    output: OutputOption = None,
    save_facts: SaveFactsOption = None,
    tensorboard: TensorboardOption = None,
    fail_on: FailOnOption = None,
    baseline: BaselineOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run a failing training step again, from the capsule that `nandoctor run` wrote.

    The diagnosis is that of the run; neither the script nor its data is needed. No code of the capsule's maker is run:
    a step that would read files or call Python is refused.

    \b
    Examples:
      nandoctor replay .nandoctor/2026-11-22T09-05-01-step-231
      nandoctor replay .nandoctor/2026-11-22T09-05-01-step-231 --format json -o report.txt
      nandoctor replay .nandoctor/2026-11-22T09-05-01-step-231 --treat
    """
    from nandoctor.cli.crash_guard import guarded
    from nandoctor.cli.tensorflow_log import quiet_tensorflow

    wanted = delivery(
        report_format,
        output,
        fail_on,
        baseline=baseline,
        quiet=quiet,
        verbose=verbose,
        reads=(capsule,),
        writes=(save_facts,),
    )
    board = writable_board(tensorboard)

    def replay_and_report(notices: tuple[str, ...]) -> int:
        with quiet_tensorflow(), redirect_stdout(sys.stderr):
            from nandoctor.api import replay as examine

            report = examine(capsule, treat=treat, save_facts=save_facts, tensorboard=board, notices=notices)
        return deliver(report, wanted)

    advice = "try the version of TensorFlow that the capsule's README.txt names"
    settings: Settings = context.obj
    raise typer.Exit(guarded(replay_and_report, advice, "replay") if settings.own_process else replay_and_report(()))
