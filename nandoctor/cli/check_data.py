"""`nandoctor check-data`: data alone, without TensorFlow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Unpack

import click

from nandoctor.cli.options import COUNT, FILE, ReportOptions, batch_size, deliver, delivery, report_options
from nandoctor.errors import USAGE, NandoctorError

DTYPES = ("float32", "float16", "bfloat16")


@click.command("check-data", no_args_is_help=True)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--target", metavar="COL|KEY", help="The column or array that holds the target.")
@click.option("--loss", metavar="NAME", help="The Keras loss that the target is judged by.")
@click.option("--head", metavar="UNITS:ACTIVATION", help="The last layer of the model to come, such as 10:softmax.")
@click.option(
    "--dtype", type=click.Choice(DTYPES), metavar="|".join(DTYPES), help="The dtype that the values are to be fed in."
)
@click.option(
    "--split",
    multiple=True,
    metavar="NAME=FILE",
    help="A split of the data, the one to train on first; given again for the others.",
)
@batch_size
@click.option("--exclude", multiple=True, metavar="COL", help="A column or array to leave out; may be given again.")
@click.option("--max-bytes", type=COUNT, metavar="N", help="The most that one compressed file may inflate to.")
@click.option("--dask", metavar="ADDRESS|local", help="Read on the workers of a Dask scheduler, or on local processes.")
@click.option(
    "--scaler", type=FILE, metavar="OUT.json", help="Write the means and variances that a Normalization layer takes."
)
@report_options
@click.pass_context
def check_data(
    context: click.Context,
    *,
    files: tuple[str, ...],
    target: str | None,
    loss: str | None,
    head: str | None,
    dtype: str | None,
    split: tuple[str, ...],
    batch_size: int,
    exclude: tuple[str, ...],
    max_bytes: int | None,
    dask: str | None,
    scaler: Path | None,
    **report_as: Unpack[ReportOptions],
) -> None:
    """Examine data before any model sees it, to the cell.

    Finds what makes a training non-finite or hard, with row, column, line and text, and says what to do about it.
    FILE is a data file (.csv, .parquet, .npz ...), a folder, a pattern, a URL, or - for CSV on standard input.

    \b
    Examples:
      nandoctor check-data train.csv --target price
      nandoctor check-data data.npz --target y --head 10:softmax
      nandoctor check-data --split train=train.csv --split val=val.csv --target price
      nandoctor check-data train.csv --dtype float16 --scaler scaler.json -o report.yaml
    """
    from nandoctor.cli.reading import reading_progress

    splits = _splits(split)
    if bool(files) == bool(splits):
        raise NandoctorError("name either files or splits (--split train=FILE --split val=FILE)", USAGE)
    sources = [Path(source) for source in files or splits.values()]
    wanted = delivery(report_as, sources, scaler)
    quiet = report_as["quiet"]
    with reading_progress(sources, wanted=not quiet) as progress:
        from nandoctor.api import check_data as examine

        report = examine(
            *files,
            target=target,
            loss=loss,
            head=head,
            dtype=dtype,
            splits=splits,
            batch_size=batch_size,
            exclude=exclude,
            max_bytes=max_bytes,
            dask=dask,
            save_facts=report_as["save_facts"],
            scaler=scaler,
            progress=progress,
        )
    code = deliver(report, wanted)
    if scaler is not None and not quiet:
        print(f"nandoctor: {scaler} says under `python` how a Normalization layer is made of it", file=sys.stderr)
    context.exit(code)


def _splits(given: tuple[str, ...]) -> dict[str, str]:
    """The splits by name, in the order given; NandoctorError (exit code 2) for what is not NAME=FILE."""
    splits: dict[str, str] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or not name or not path or name in splits:
            raise NandoctorError(f"--split {text}: not NAME=FILE with a name of its own, such as val=val.csv", USAGE)
        splits[name] = path
    return splits
