"""The diagnosis in three sentences."""

from __future__ import annotations

from collections.abc import Sequence

from nandoctor.finding import Finding, Report, Summary
from nandoctor.reports.places import brief_place, shown_file
from nandoctor.reports.trials import told_trial
from nandoctor.wording import named_columns, plural


def heading(report: Report) -> str:
    """What is wrong in a few words: the root cause's title and place, or that nothing was found."""
    first = _first(report)
    if first is None:
        return "No error and no warning"
    where = _where(first)
    return f"{first.title} {where}" if where else first.title


def counted(summary: Summary) -> str:
    """`2 errors, 1 warning`, or `no findings`."""
    counts = ((summary.error, "error"), (summary.warning, "warning"), (summary.note, "note"))
    return ", ".join(plural(count, name) for count, name in counts if count) or "no findings"


def symptom(report: Report) -> str | None:
    """What the user saw: what the run came to, or the first link of the root cause's chain."""
    if report.run is not None:
        return report.run.told
    first = _first(report)
    return first.links[0].told if first is not None and len(first.links) > 1 else None


def sentences(report: Report) -> tuple[str, ...]:
    """What is seen, what it comes from, and what is to be done; of a healthy report what was looked at.

    At most three, each ending in a full stop.
    """
    first = _first(report)
    told = _healthy(report) if first is None else _sick(report, first)
    return tuple(_sentence(one) for one in told if one)


def _first(report: Report) -> Finding | None:
    """The root cause, where there is any error or warning."""
    return report.findings[0] if report.findings and report.findings[0].severity != "note" else None


def _sick(report: Report, first: Finding) -> list[str | None]:
    remedy = next((one for one in first.remedies if one.verdict == "verified"), next(iter(first.remedies), None))
    return [
        symptom(report) or f"{counted(report.summary)} in {report.subject.path}",
        first.message.partition(". ")[0],
        f"What to do: {remedy.title} ({told_trial(remedy).partition(': ')[0]})" if remedy is not None else None,
    ]


def _healthy(report: Report) -> list[str | None]:
    nearest = next((one for one in report.examined if one.startswith("nearest limit: ")), None)
    if report.run is not None and report.run.nearest_limit:
        nearest = report.run.nearest_limit
    return [report.run.told if report.run is not None else _looked_at(report.examined), nearest]


def _looked_at(examined: Sequence[str]) -> str | None:
    """What was looked at, of what was examined: the passes, else the data or the source."""
    for kind in ("passes: ", "data: ", "source: "):
        for sentence in examined:
            if sentence.startswith(kind):
                return sentence.removeprefix(kind)
    return next(iter(examined), None)


def _where(finding: Finding) -> str:
    location = finding.location
    if location.file and location.line is not None:
        return f"at {shown_file(location.file).rpartition('/')[2]}:{location.line}"
    if location.columns and not location.layer and not location.op:
        return f"in {named_columns(location.columns, 3)}"
    at = brief_place(location)
    return f"in {at}" if at else ""


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
