"""Training code, read without being run."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from nandoctor import __version__
from nandoctor.api.checking import check_data
from nandoctor.config import read_config
from nandoctor.errors import USAGE, NandoctorError
from nandoctor.finding import Report, Tool

if TYPE_CHECKING:
    from nandoctor.facts import FlaggedData


def lint(*paths: Path | str, data: Path | str | None = None) -> Report:
    """Read Python files, and those below folders, and say what in them may turn numbers non-finite.

    Nothing is run. `data` is a report that `check_data` wrote (.json, .yaml), or data to examine now: its flagged
    columns are looked for in the calls of `fit`. TensorFlow is not loaded. NandoctorError where there is no Python
    file, or one cannot be read.
    """
    from nandoctor.diagnosis.linted import lint_report
    from nandoctor.facts import Facts
    from nandoctor.probes.source.folders import source_facts

    if not paths:
        raise NandoctorError("name a file or a folder to look at", USAGE)
    policy = read_config().policy
    flagged = _flagged(Path(data)) if data is not None else None
    source = source_facts([Path(path) for path in paths], data=flagged)
    tool = Tool("nandoctor", __version__, None, None, platform.python_version())
    return lint_report(Facts(tool=tool, source=source), policy)


def _flagged(data: Path) -> FlaggedData:
    """What a saved report says about columns, or what a look at the data does."""
    from nandoctor.probes.source.flagged import flagged_in, saved_report

    report = saved_report(data)
    if report is None:
        from nandoctor.reports.contract import as_mapping

        report = as_mapping(check_data(data))
    return flagged_in(report)
