"""`nandoctor report`: the report on what was observed earlier."""

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


def report(
    facts: Annotated[Path, typer.Argument(metavar="FACTS", help="The file that --save-facts wrote.")],
    *,
    report_format: FormatOption = ReportFormat.TABLE,
    output: OutputOption = None,
    fail_on: FailOnOption = None,
    baseline: BaselineOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Report on what a scan, run, replay or check-data has observed and kept.

    Nothing is run and TensorFlow is not loaded: another format, other thresholds or severities take no second run. What
    the check-ups of a run found before its last step was told then, and is not among its facts.

    \b
    Examples:
      nandoctor run --save-facts facts.json train.py
      nandoctor report facts.json -o report.yaml
      nandoctor report facts.json --fail-on warning --verbose
    """
    wanted = delivery(report_format, output, fail_on, baseline=baseline, quiet=quiet, verbose=verbose, reads=(facts,))

    from nandoctor.api import report as examine

    raise typer.Exit(deliver(examine(facts), wanted))
