"""The options that every command with a report has, and what becomes of the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.reports.formats import Detail, ReportFormat, format_of, render

if TYPE_CHECKING:
    from nandoctor.finding import Report, Summary

FINDINGS = 1
Command = TypeVar("Command", bound=Callable[..., None])


class FailOn(StrEnum):
    """The least severity that makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


class ReportOptions(TypedDict):
    """The values of `report_options`, as a command gets them."""

    report_format: str
    output: tuple[Path, ...]
    save_facts: Path | None
    fail_on: str
    quiet: bool
    verbose: bool


FILE = click.Path(path_type=Path)
# Click shows an option's range behind its help.
COUNT = click.IntRange(min=1)
batch_size = click.option("--batch-size", type=COUNT, default=32, metavar="N", help="Rows in a batch.")
_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option(
        "--format",
        "report_format",
        type=click.Choice([one.value for one in ReportFormat]),
        default=ReportFormat.TABLE.value,
        metavar="table|yaml|json",
        help="The format of the report on standard output.",
    ),
    click.option(
        "--output",
        "-o",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="Also write the report to FILE (.txt, .yaml, .yml or .json); may be given again.",
    ),
    click.option(
        "--save-facts", type=FILE, metavar="FILE", help="Also write everything that was observed to FILE, as JSON."
    ),
    click.option(
        "--fail-on",
        type=click.Choice([one.value for one in FailOn]),
        default=FailOn.ERROR.value,
        metavar="error|warning|never",
        help="The least severity that makes the exit code 1.",
    ),
    click.option("--quiet", "-q", is_flag=True, help="Print the findings alone, and no progress."),
    click.option(
        "--verbose",
        "-v",
        is_flag=True,
        help="Print all layers and columns, the skipped rules and all that was examined.",
    ),
)


def report_options(command: Command) -> Command:
    """The command with the options that say where its report goes and how."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Delivery:
    """What the report is to look like, where copies go, and what makes the exit code 1."""

    report_format: ReportFormat
    copies: tuple[tuple[Path, ReportFormat], ...]
    detail: Detail
    fail_on: FailOn


def delivery(options: ReportOptions, sources: Sequence[Path], *more: Path | None) -> Delivery:
    """What the options ask for; NandoctorError (exit code 2) where one of its files, or of `more`, cannot be written.

    `sources` are what is read, and must not be written.
    """
    from nandoctor.cli.output import check_writable

    if options["quiet"] and options["verbose"]:
        raise NandoctorError("--quiet and --verbose exclude each other; leave one out", USAGE)
    copies = tuple((path, format_of(path)) for path in options["output"])
    for path in (*options["output"], options["save_facts"], *more):
        if path is not None:
            check_writable(path, sources)
    detail: Detail = "brief" if options["quiet"] else "verbose" if options["verbose"] else "normal"
    return Delivery(ReportFormat(options["report_format"]), copies, detail, FailOn(options["fail_on"]))


def deliver(report: Report, wanted: Delivery) -> int:
    """Print the report, write its copies, and return the exit code."""
    from nandoctor.cli.output import print_text, terminal_width, wants_colour, write_file

    width = terminal_width()
    print_text(render(report, wanted.report_format, width=width, colour=wants_colour(), detail=wanted.detail))
    for path, name in wanted.copies:
        write_file(path, render(report, name, width=width, detail=wanted.detail))
    return exit_code(report.summary, wanted.fail_on)


def exit_code(summary: Summary, fail_on: FailOn) -> int:
    """1 where there are findings at or above the severity, else 0."""
    counted = {FailOn.ERROR: summary.error, FailOn.WARNING: summary.error + summary.warning, FailOn.NEVER: 0}
    return FINDINGS if counted[fail_on] else 0
