"""`nandoctor scan`: a saved model and data."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.reports.formats import Detail, ReportFormat, format_of, render

if TYPE_CHECKING:
    from nandoctor.cli.main import Settings
    from nandoctor.finding import Summary

FINDINGS = 1


class FailOn(StrEnum):
    """The least severity that makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


def scan(
    context: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A SavedModel folder, a .keras file, or a whole model in .h5 or .hdf5."),
    ],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="The data to run it on: .npz, .npy, or .csv with a header line.")
    ],
    *,
    labels: Annotated[
        str | None, typer.Option(metavar="KEY|COLUMN", help="The array or column that holds the target.")
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|MODULE:FUNCTION",
            help="The loss, where the model was saved without one: a Keras name, or a function of y_true and y_pred.",
        ),
    ] = None,
    signature: Annotated[
        str | None, typer.Option(metavar="NAME", help="The SavedModel's signature to examine.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Rows in a batch.")] = 32,
    max_batches: Annotated[int, typer.Option(min=1, metavar="N", help="How many batches to run.")] = 8,
    no_backward: Annotated[bool, typer.Option("--no-backward", help="Do not take gradients.")] = False,
    no_check_numerics: Annotated[
        bool,
        typer.Option("--no-check-numerics", help="Leave out the pass under tf.debugging.enable_check_numerics."),
    ] = False,
    unsafe: Annotated[
        bool,
        typer.Option(
            "--unsafe", help="Run code that a .keras or .h5 file brings along (Lambda layers). Only if you trust it."
        ),
    ] = False,
    report_format: Annotated[
        ReportFormat,
        typer.Option("--format", metavar="table|yaml|json", help="The format of the report on standard output."),
    ] = ReportFormat.TABLE,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Also write the report to FILE (.txt, .yaml, .yml or .json); may be given again.",
        ),
    ] = None,
    save_facts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write everything that was observed to FILE, as JSON.")
    ] = None,
    fail_on: Annotated[
        FailOn,
        typer.Option(metavar="error|warning|never", help="The least severity that makes the exit code 1."),
    ] = FailOn.ERROR,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the findings alone, and no progress.")] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Print the layers, the skipped rules and all that was examined as well."),
    ] = False,
) -> None:
    """Examine a saved model on data, op by op.

    Reports where its numbers become NaN or infinite, or soon will, and why.

    \b
    Examples:
      nandoctor scan saved_model/ data.npz
      nandoctor scan model.keras train.csv --labels price --loss mean_squared_error
      nandoctor scan saved_model/ data.npz --format json -o report.yaml -o report.txt
      nandoctor scan saved_model/ data.npz --fail-on warning --quiet

    \b
    TensorFlow's log is left out unless TF_CPP_MIN_LOG_LEVEL is set.
    """
    from nandoctor.cli.crash_guard import guarded
    from nandoctor.cli.output import check_writable, print_text, terminal_width, wants_colour, write_file
    from nandoctor.cli.progress import progress_bar
    from nandoctor.cli.tensorflow_log import quiet_tensorflow

    if quiet and verbose:
        raise NandoctorError("--quiet and --verbose exclude each other; leave one out", USAGE)
    files = [(path, format_of(path)) for path in output or []]
    for path in [path for path, _ in files] + ([save_facts] if save_facts else []):
        check_writable(path, (model, data))

    def examine_and_report(notices: tuple[str, ...]) -> int:
        # The standard output belongs to the report: what the model's own code prints goes to standard error.
        with quiet_tensorflow(), redirect_stdout(sys.stderr), progress_bar(wanted=not quiet) as progress:
            from nandoctor.api import scan as examine

            report = examine(
                model,
                data,
                labels=labels,
                loss=loss,
                signature=signature,
                batch_size=batch_size,
                max_batches=max_batches,
                backward=not no_backward,
                check_numerics=not no_check_numerics,
                unsafe=unsafe,
                save_facts=save_facts,
                notices=notices,
                progress=progress,
            )
        detail: Detail = "brief" if quiet else "verbose" if verbose else "normal"
        width = terminal_width()
        print_text(render(report, report_format, width=width, colour=wants_colour(), detail=detail))
        for path, name in files:
            write_file(path, render(report, name, width=width, detail=detail))
        return exit_code(report.summary, fail_on)

    advice = "try another version of TensorFlow" if no_backward else "leave the gradients out with --no-backward"
    settings: Settings = context.obj
    raise typer.Exit(guarded(examine_and_report, advice) if settings.guarded else examine_and_report(()))


def exit_code(summary: Summary, fail_on: FailOn) -> int:
    """1 where there are findings at or above the severity, else 0."""
    counted = {FailOn.ERROR: summary.error, FailOn.WARNING: summary.error + summary.warning, FailOn.NEVER: 0}
    return FINDINGS if counted[fail_on] else 0
