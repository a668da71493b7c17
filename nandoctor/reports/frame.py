"""The findings as a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.finding import Finding, Location, Report

if TYPE_CHECKING:
    import pandas as pd

_PLACES = tuple(one.name for one in fields(Location))
COLUMNS = ("parent", "rule", "cause", "severity", "title", "message", "confidence", *_PLACES, "remedies")
_COUNTS = ("line", "loop_iteration", "step", "epoch", "batch")


def frame(report: Report) -> pd.DataFrame:
    """One row a finding, indexed by the number that the table gives it, each consequence below what it follows from.

    `parent` is the number of the finding that a consequence follows from. `remedies` are titles, `evidence.NAME` and
    `limits.NAME` the figures that any finding has. NandoctorError (exit code 2) where pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise NandoctorError("to_frame() needs pandas: pip install pandas", USAGE) from error
    rows = list(_rows(report.findings))
    figures = dict.fromkeys(name for row in rows for name in row if "." in name)
    index = pd.Index([row["number"] for row in rows], name="number", dtype=object)
    found = pd.DataFrame([*rows], index=index, columns=[*COLUMNS, *figures])
    # Where nothing is known of it, a step is not a float.
    return found.astype(dict.fromkeys(_COUNTS, "Int64"))


def _rows(findings: Sequence[Finding], parent: str | None = None) -> Iterator[dict[str, Any]]:
    for index, one in enumerate(findings, start=1):
        number = str(index) if parent is None else f"{parent}.{index}"
        yield {
            "number": number,
            "parent": parent,
            **{name: getattr(one, name) for name in ("rule", "cause", "severity", "title", "message", "confidence")},
            **asdict(one.location),
            "remedies": tuple(remedy.title for remedy in one.remedies),
            **{f"evidence.{name}": value for name, value in one.evidence.items()},
            **{f"limits.{name}": value for name, value in one.limits.items()},
        }
        yield from _rows(one.consequences, number)
