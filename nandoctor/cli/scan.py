"""`nandoctor scan`: a saved model and data."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nandoctor.cli.options import (
    BaselineOption,
    BatchSizeOption,
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
    batch_size: BatchSizeOption = 32,
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
    """Examine a saved model on data, op by op.

    Reports where its numbers become NaN or infinite, or soon will, and why.

    \b
    Examples:
      nandoctor scan saved_model/ data.npz
      nandoctor scan model.keras train.csv --labels price --loss mean_squared_error
      nandoctor scan saved_model/ data.npz --format json -o report.yaml -o report.txt
      nandoctor scan saved_model/ data.npz --fail-on warning --quiet
      nandoctor scan saved_model/ data.npz --treat

    \b
    TensorFlow's log is left out unless TF_CPP_MIN_LOG_LEVEL is set.
    """
    from nandoctor.cli.crash_guard import guarded
    from nandoctor.cli.progress import progress_bar
    from nandoctor.cli.tensorflow_log import quiet_tensorflow

    wanted = delivery(
        report_format,
        output,
        fail_on,
        baseline=baseline,
        quiet=quiet,
        verbose=verbose,
        reads=(model, data),
        writes=(save_facts,),
    )
    board = writable_board(tensorboard)

    def examine_and_report(notices: tuple[str, ...]) -> int:
        # The standard output belongs to the report: what the model's own code prints goes to standard error.
        with (
            quiet_tensorflow(),
            redirect_stdout(sys.stderr),
            progress_bar(wanted=not quiet) as progress,
        ):
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
                treat=treat,
                save_facts=save_facts,
                tensorboard=board,
                notices=notices,
                progress=progress,
            )
        return deliver(report, wanted)

    advice = "try another version of TensorFlow" if no_backward else "leave the gradients out with --no-backward"
    settings: Settings = context.obj
    raise typer.Exit(guarded(examine_and_report, advice) if settings.own_process else examine_and_report(()))
