"""`nandoctor replay`: the diagnosis of a failing step again, from its capsule."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nandoctor.cli.scan import FailOn, exit_code
from nandoctor.errors import USAGE, NandoctorError
from nandoctor.reports.formats import Detail, ReportFormat, format_of, render

if TYPE_CHECKING:
    from nandoctor.cli.main import Settings


def replay(
    context: typer.Context,
    capsule: Annotated[Path, typer.Argument(metavar="CAPSULE", help="The folder that `nandoctor run` wrote.")],
    *,
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the findings alone.")] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Print the layers, the skipped rules and all that was examined as well."),
    ] = False,
) -> None:
    """Run a failing training step again, from the capsule that `nandoctor run` wrote.

    The diagnosis is that of the run; neither the script nor its data is needed. No code of the capsule's maker is run:
    a step that would read files or call Python is refused.

    \b
    Examples:
      nandoctor replay .nandoctor/2026-11-22T09-05-01-step-231
      nandoctor replay .nandoctor/2026-11-22T09-05-01-step-231 --format json -o report.txt
    """
    from nandoctor.cli.crash_guard import guarded
    from nandoctor.cli.output import check_writable, print_text, terminal_width, wants_colour, write_file
    from nandoctor.cli.tensorflow_log import quiet_tensorflow

    if quiet and verbose:
        raise NandoctorError("--quiet and --verbose exclude each other; leave one out", USAGE)
    files = [(path, format_of(path)) for path in output or []]
    for path in [path for path, _ in files] + ([save_facts] if save_facts else []):
        check_writable(path, (capsule,))

    def replay_and_report(notices: tuple[str, ...]) -> int:
        with quiet_tensorflow(), redirect_stdout(sys.stderr):
            from nandoctor.api import replay as examine

            report = examine(capsule, save_facts=save_facts, notices=notices)
        detail: Detail = "brief" if quiet else "verbose" if verbose else "normal"
        width = terminal_width()
        print_text(render(report, report_format, width=width, colour=wants_colour(), detail=detail))
        for path, name in files:
            write_file(path, render(report, name, width=width, detail=detail))
        return exit_code(report.summary, fail_on)

    advice = "try the version of TensorFlow that the capsule's README.txt names"
    settings: Settings = context.obj
    raise typer.Exit(guarded(replay_and_report, advice, "replay") if settings.guarded else replay_and_report(()))
