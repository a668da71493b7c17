"""`nandoctor lint`: Python source, read and not run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nandoctor.cli.options import (
    BaselineOption,
    FailOnOption,
    FormatOption,
    OutputOption,
    QuietOption,
    VerboseOption,
    deliver,
    delivery,
)
from nandoctor.reports.formats import ReportFormat


def lint(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE|FOLDER", help="Python files, or folders with Python files.")
    ],
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A report of check-data (.json, .yaml) or a data file, whose flagged columns `fit` gets.",
        ),
    ] = None,
    report_format: FormatOption = ReportFormat.TABLE,
    output: OutputOption = None,
    fail_on: FailOnOption = None,
    baseline: BaselineOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Look at training code without running it.

    Finds logarithms, quotients, roots and exponentials that nothing guards, and losses that do not fit their model.

    \b
    Examples:
      nandoctor lint train.py
      nandoctor lint src/ --fail-on warning -o report.json
      nandoctor lint train.py --data report.json

    `# nandoctor: ignore[ND801]` in a line ignores that rule there. TensorFlow is not loaded.
    """
    reads = [path for path in (*paths, data) if path is not None]
    wanted = delivery(report_format, output, fail_on, baseline=baseline, quiet=quiet, verbose=verbose, reads=reads)

    from nandoctor.api import lint as examine

    raise typer.Exit(deliver(examine(*paths, data=data), wanted))
