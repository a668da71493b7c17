"""`nandoctor check-data`: data alone, without TensorFlow."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nandoctor.cli.options import (
    BaselineOption,
    BatchSizeOption,
    FailOnOption,
    FormatOption,
    OutputOption,
    QuietOption,
    SaveFactsOption,
    VerboseOption,
    deliver,
    delivery,
)
from nandoctor.errors import USAGE, NandoctorError
from nandoctor.reports.formats import ReportFormat


class Dtype(StrEnum):
    """The dtype that values are fed in."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


def check_data(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="A data file (.csv, .parquet, .npz ...), a folder, a pattern, a URL, or - for CSV on standard input.",
        ),
    ] = None,
    *,
    target: Annotated[
        str | None, typer.Option(metavar="COL|KEY", help="The column or array that holds the target.")
    ] = None,
    loss: Annotated[
        str | None, typer.Option(metavar="NAME", help="The Keras loss that the target is judged by.")
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="UNITS:ACTIVATION", help="The last layer of the model to come, such as 10:softmax."),
    ] = None,
    dtype: Annotated[
        Dtype | None,
        typer.Option(metavar="|".join(Dtype), help="The dtype that the values are to be fed in."),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE", help="A split of the data, the one to train on first; given again for the others."
        ),
    ] = None,
    batch_size: BatchSizeOption = 32,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="A column or array to leave out; may be given again.")
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The most that one compressed file may inflate to.")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS|local", help="Read on the workers of a Dask scheduler, or on local processes."),
    ] = None,
    scaler: Annotated[
        Path | None,
        typer.Option(metavar="OUT.json", help="Write the means and variances that a Normalization layer takes."),
    ] = None,
    report_format: FormatOption = ReportFormat.TABLE,
    output: OutputOption = None,
    save_facts: SaveFactsOption = None,
    fail_on: FailOnOption = None,
    baseline: BaselineOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Examine data before any model sees it, to the cell.

    Finds what makes a training non-finite or hard, with row, column, line and text, and says what to do about it.

    \b
    Examples:
      nandoctor check-data train.csv --target price
      nandoctor check-data data.npz --target y --head 10:softmax
      nandoctor check-data --split train=train.csv --split val=val.csv --target price
      nandoctor check-data train.csv --dtype float16 --scaler scaler.json -o report.yaml
    """
    from nandoctor.cli.reading import reading_progress

    splits = _splits(split or [])
    if bool(files) == bool(splits):
        raise NandoctorError("name either files or splits (--split train=FILE --split val=FILE)", USAGE)
    sources = [Path(source) for source in files or splits.values()]
    wanted = delivery(
        report_format,
        output,
        fail_on,
        baseline=baseline,
        quiet=quiet,
        verbose=verbose,
        reads=sources,
        writes=(save_facts, scaler),
    )
    with reading_progress(sources, wanted=not quiet) as progress:
        from nandoctor.api import check_data as examine

        report = examine(
            *(files or []),
            target=target,
            loss=loss,
            head=head,
            dtype=dtype.value if dtype else None,
            splits=splits,
            batch_size=batch_size,
            exclude=exclude or [],
            max_bytes=max_bytes,
            dask=dask,
            save_facts=save_facts,
            scaler=scaler,
            progress=progress,
        )
    code = deliver(report, wanted)
    if scaler is not None and not quiet:
        print(f"nandoctor: {scaler} says under `python` how a Normalization layer is made of it", file=sys.stderr)
    raise typer.Exit(code)


def _splits(given: list[str]) -> dict[str, str]:
    """The splits by name, in the order given; NandoctorError (exit code 2) for what is not NAME=FILE."""
    splits: dict[str, str] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or not name or not path or name in splits:
            raise NandoctorError(f"--split {text}: not NAME=FILE with a name of its own, such as val=val.csv", USAGE)
        splits[name] = path
    return splits
