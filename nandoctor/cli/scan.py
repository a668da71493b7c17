"""`nandoctor scan`: a saved model and data."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from nandoctor.cli.options import COUNT, FILE, ReportOptions, batch_size, deliver, delivery, report_options

if TYPE_CHECKING:
    from nandoctor.cli.main import Settings


@click.command(no_args_is_help=True)
@click.argument("model", metavar="MODEL", type=FILE)
@click.argument("data", metavar="DATA", type=FILE)
@click.option("--labels", metavar="KEY|COLUMN", help="The array or column that holds the target.")
@click.option(
    "--loss",
    metavar="NAME|MODULE:FUNCTION",
    help="The loss, where the model was saved without one: a Keras name, or a function of y_true and y_pred.",
)
@click.option("--signature", metavar="NAME", help="The SavedModel's signature to examine.")
@batch_size
@click.option("--max-batches", type=COUNT, default=8, metavar="N", help="How many batches to run.")
@click.option("--no-backward", is_flag=True, help="Do not take gradients.")
@click.option("--no-check-numerics", is_flag=True, help="Leave out the pass under tf.debugging.enable_check_numerics.")
@click.option(
    "--unsafe",
    is_flag=True,
    help="Run code that a .keras or .h5 file brings along (Lambda layers). Only if you trust it.",
)
@report_options
@click.pass_context
def scan(
    context: click.Context,
    *,
    model: Path,
    data: Path,
    labels: str | None,
    loss: str | None,
    signature: str | None,
    batch_size: int,
    max_batches: int,
    no_backward: bool,
    no_check_numerics: bool,
    unsafe: bool,
    **report_as: Unpack[ReportOptions],
) -> None:
    """Examine a saved model on data, op by op.

    Reports where its numbers become NaN or infinite, or soon will, and why. MODEL is a SavedModel folder, a .keras
    file, or a whole model in .h5 or .hdf5; DATA what to run it on: .npz, .npy, or .csv with a header line.

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
    from nandoctor.cli.progress import progress_bar
    from nandoctor.cli.tensorflow_log import quiet_tensorflow

    wanted = delivery(report_as, (model, data))

    def examine_and_report(notices: tuple[str, ...]) -> int:
        # The standard output belongs to the report: what the model's own code prints goes to standard error.
        with (
            quiet_tensorflow(),
            redirect_stdout(sys.stderr),
            progress_bar(wanted=not report_as["quiet"]) as progress,
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
                save_facts=report_as["save_facts"],
                notices=notices,
                progress=progress,
            )
        return deliver(report, wanted)

    advice = "try another version of TensorFlow" if no_backward else "leave the gradients out with --no-backward"
    settings: Settings = context.obj
    context.exit(guarded(examine_and_report, advice) if settings.own_process else examine_and_report(()))
