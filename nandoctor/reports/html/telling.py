"""The diagnosis in three sentences."""

from __future__ import annotations

from nandoctor.finding import Finding, Report
from nandoctor.reports.places import brief_place, shown_file
from nandoctor.wording import plural


def sentences(report: Report) -> tuple[str, ...]:
    """What is seen, what it comes from, and how sure that is or what else there is; of a healthy report what was done.

    At most three, each ending in a full stop.
    """
    serious = [one for one in report.findings if one.severity != "note"]
    told = _healthy(report) if not serious else _sick(report, serious)
    return tuple(_ended(one) for one in told if one)[:3]


def _sick(report: Report, serious: list[Finding]) -> list[str]:
    first = serious[0]
    seen = report.run.told if report.run is not None else first.links[0].told if len(first.links) > 1 else None
    where = _where(first)
    cause = f"{first.title}{f' {where}' if where else ''}: {first.message}"
    rest = [f"It has {plural(len(first.consequences), 'consequence')}"] if first.consequences else []
    if len(serious) > 1:
        rest.append(f"{plural(len(serious) - 1, 'other finding')} of its own {'is' if len(serious) == 2 else 'are'} below")
    return [_capital(seen) if seen else "", cause, "; ".join(rest)]


def _where(finding: Finding) -> str:
    location = finding.location
    if location.file and location.line is not None:
        return f"at {shown_file(location.file)}:{location.line}"
    at = brief_place(location)
    return f"in {at}" if at else ""


def _healthy(report: Report) -> list[str]:
    nearest = next((one for one in report.examined if one.startswith("nearest limit: ")), None)
    if report.run is not None and report.run.nearest_limit:
        nearest = report.run.nearest_limit
    return [
        report.run.told if report.run is not None else "",
        "No error and no warning was found",
        _capital(nearest) if nearest else "",
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
