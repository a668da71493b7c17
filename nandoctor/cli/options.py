"""The options that several commands have, and what becomes of the report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.reports.formats import SUFFIXES, Detail, ReportFormat, format_of, render

if TYPE_CHECKING:
    from nandoctor.finding import Report, Summary

FINDINGS = 1


class FailOn(StrEnum):
    """The least severity that makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


BatchSizeOption = Annotated[int, typer.Option(min=1, metavar="N", help="Rows in a batch.")]
FormatOption = Annotated[
    ReportFormat,
    typer.Option("--format", metavar="NAME", help=f"What standard output gets: {', '.join(ReportFormat)}."),
]
OutputOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help=f"Also write the report to FILE ({', '.join(SUFFIXES)}); may be given again.",
    ),
]
SaveFactsOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also write everything that was observed to FILE, as JSON.")
]
TensorboardOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Also write to DIR for TensorBoard: numbers and histograms of what was seen, and the report.",
    ),
]
TreatOption = Annotated[
    bool,
    typer.Option("--treat", help="Try the remedies: run the step again with the failing op replaced, or other data."),
]
TreatBudgetOption = Annotated[
    int, typer.Option(min=1, metavar="SECONDS", help="The most time for trying remedies by running the script again.")
]
WritePatchOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the diff of the first remedy that is verified to FILE, for `patch -p0`."),
]
FailOnOption = Annotated[
    FailOn | None,
    typer.Option(
        metavar="error|warning|never",
        help="The least severity that makes the exit code 1; error, unless the project's settings say otherwise.",
    ),
]
BaselineOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Leave out the findings that FILE knows of; where there is no such file, it is made of those of today.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print the findings alone, and no progress.")]
VerboseOption = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Print all layers and columns, the skipped rules and all that was examined."),
]


@dataclass(frozen=True)
class Delivery:
    """What the report is to look like, where copies go, and what makes the exit code 1."""

    report_format: ReportFormat
    copies: tuple[tuple[Path, ReportFormat], ...]
    detail: Detail
    fail_on: FailOn
    baseline: Path | None = None


def delivery(
    report_format: ReportFormat,
    output: Sequence[Path] | None,
    fail_on: FailOn | None,
    *,
    baseline: Path | None = None,
    quiet: bool,
    verbose: bool,
    reads: Sequence[Path],
    writes: Sequence[Path | None] = (),
) -> Delivery:
    """What the options ask for; NandoctorError (exit code 2) where they exclude each other or a file cannot be written.

    `writes` are the files beside the copies of the report, as far as they are asked for; none may be one of `reads`.
    """
    from nandoctor.cli.output import check_writable
    from nandoctor.config import read_fail_on

    if quiet and verbose:
        raise NandoctorError("--quiet and --verbose exclude each other; leave one out", USAGE)
    copies = tuple((path, format_of(path)) for path in output or ())
    for path in (*(output or ()), *writes, baseline):
        if path is not None:
            check_writable(path, reads)
    detail: Detail = "brief" if quiet else "verbose" if verbose else "normal"
    return Delivery(report_format, copies, detail, fail_on or FailOn(read_fail_on() or FailOn.ERROR), baseline)


def writable_board(folder: Path | None) -> Path | None:
    """The folder for TensorBoard, which is made; NandoctorError (exit code 2) where it cannot be written."""
    from nandoctor.probes.board.board import open_board

    return open_board(folder).folder if folder is not None else None


def deliver(report: Report, wanted: Delivery) -> int:
    """Print what of the report is not known of, write its copies, and return the exit code."""
    report = unknown(report, wanted)
    print_report(report, wanted)
    write_copies(report, wanted)
    return exit_code(report.summary, wanted.fail_on)


def unknown(report: Report, wanted: Delivery) -> Report:
    """The report without the findings of the baseline, which is made of them where there is none yet."""
    if wanted.baseline is None:
        return report
    from nandoctor.baseline import against, baseline_of, read_baseline
    from nandoctor.cli.output import write_file

    if not wanted.baseline.exists():
        write_file(wanted.baseline, baseline_of(report))
    return against(report, read_baseline(wanted.baseline), wanted.baseline)


def print_report(report: Report, wanted: Delivery) -> None:
    """The report on standard output, in colours where that is a terminal."""
    from nandoctor.cli.output import print_text, terminal_width, wants_colour

    colour = wants_colour()
    print_text(render(report, wanted.report_format, width=terminal_width(), colour=colour, detail=wanted.detail))


def write_copies(report: Report, wanted: Delivery) -> None:
    """The report in each file that was asked for; NandoctorError (exit code 2) where that fails."""
    from nandoctor.cli.output import terminal_width, write_file

    for path, name in wanted.copies:
        write_file(path, render(report, name, width=terminal_width(), detail=wanted.detail))


def exit_code(summary: Summary, fail_on: FailOn) -> int:
    """1 where there are findings at or above the severity, else 0."""
    counted = {FailOn.ERROR: summary.error, FailOn.WARNING: summary.error + summary.warning, FailOn.NEVER: 0}
    return FINDINGS if counted[fail_on] else 0


def write_first_patch(report: Report, path: Path) -> None:
    """The diff of the first verified remedy in a file; a line on standard error says so where there is none."""
    from nandoctor.cli.output import write_file

    remedies = (one for finding in report.findings for one in finding.remedies if one.verdict == "verified")
    diff = next((one.patch for one in remedies if one.patch), None)
    if diff is None:
        print(f"nandoctor: {path} was not written: no remedy with a diff is verified", file=sys.stderr, flush=True)
    else:
        write_file(path, diff)
