"""`nandoctor treat`: the remedies for a training script or a capsule, tried."""

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
    SaveFactsOption,
    TreatBudgetOption,
    VerboseOption,
    WritePatchOption,
)
from nandoctor.cli.replay import replay
from nandoctor.cli.run import run
from nandoctor.errors import USAGE, NandoctorError
from nandoctor.reports.formats import ReportFormat

# What tells a capsule from the folder of a program.
MANIFEST = "manifest.json"


def treat(
    context: typer.Context,
    script: Annotated[
        list[str],
        typer.Argument(
            metavar="SCRIPT|CAPSULE [ARGUMENTS]...", help="The script and its arguments, or what `nandoctor run` wrote."
        ),
    ],
    *,
    module: Annotated[
        bool, typer.Option("-m", help="SCRIPT is the name of a module, as in `python -m`.", show_default=False)
    ] = False,
    treat_budget: TreatBudgetOption = 300,
    write_patch: WritePatchOption = None,
    report_format: FormatOption = ReportFormat.TABLE,
    output: OutputOption = None,
    save_facts: SaveFactsOption = None,
    fail_on: FailOnOption = None,
    baseline: BaselineOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Find out what is wrong with the numbers of a training, and try what helps.

    A script is run and watched as by `nandoctor run`. Then it is run again from its start: as it is, which must fail
    again at the same step, and with one remedy after the other until it has passed twice as many steps. The report
    states which remedy helps, with a diff that `patch -p0` applies. No file of yours is changed; what the script
    writes, it writes again.

    Of a capsule the failing step alone is run again. Options stand before SCRIPT; all that follows it is its own.

    \b
    Examples:
      nandoctor treat train.py --epochs 10
      nandoctor treat --treat-budget 1800 --write-patch remedy.diff train.py
      nandoctor treat .nandoctor/2026-11-22T09-05-01-step-231
    """
    if module or not Path(script[0], MANIFEST).exists():
        run(
            context,
            script,
            module=module,
            treat=True,
            treat_budget=treat_budget,
            write_patch=write_patch,
            report_format=report_format,
            output=output,
            save_facts=save_facts,
            fail_on=fail_on,
            baseline=baseline,
            quiet=quiet,
            verbose=verbose,
        )
        return
    if script[1:]:
        raise NandoctorError(f"{script[1]}: a capsule takes no arguments", USAGE)
    if write_patch is not None:
        raise NandoctorError("--write-patch: a capsule holds no source to patch; name the script instead", USAGE)
    replay(
        context,
        Path(script[0]),
        treat=True,
        report_format=report_format,
        output=output,
        save_facts=save_facts,
        fail_on=fail_on,
        baseline=baseline,
        quiet=quiet,
        verbose=verbose,
    )
