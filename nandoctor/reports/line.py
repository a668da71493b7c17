"""A watched run in one line."""

from __future__ import annotations

from nandoctor.finding import Report
from nandoctor.wording import plural


def one_line(report: Report) -> str:
    """What the run came to: steps watched, what was found, the nearest limit, the cost of the watch."""
    summary, run = report.summary, report.run
    counts = ((summary.error, "error"), (summary.warning, "warning"))
    found = ", ".join(plural(count, name) for count, name in counts if count)
    parts = [run.told] if run else []
    parts.append(f"{found}: {report.findings[0].cause}" if found else "no error and no warning")
    if run is not None and run.nearest_limit is not None and not found:
        parts.append(run.nearest_limit)
    if run is not None and run.cost is not None:
        parts.append(f"the watch took {run.cost:.1%} of the time")
    return "; ".join(parts)
