"""The report as tables for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tabulate import SEPARATING_LINE, tabulate
from typer import style

from nandoctor.finding import ColumnPrescription, Finding, Report
from nandoctor.reports.formats import Detail
from nandoctor.reports.layers import layer_table, recorded_table
from nandoctor.reports.places import brief_place, place
from nandoctor.reports.trials import told_trial
from nandoctor.reports.wrapping import cell, item, wrap
from nandoctor.wording import listing, plural

NARROWEST, WIDEST = 60, 200
_STACKED_BELOW = 110
_GAP = 2
# tabulate makes a column at least two characters wider than its header.
_SEVERITY, _RULE = 10, 6
_COLOURS = {"error": "red", "warning": "yellow", "note": "blue", "sick": "red", "at-risk": "yellow", "healthy": "green"}


def render(report: Report, *, width: int = 100, colour: bool = False, detail: Detail = "normal") -> str:
    """The report in lines of at most `width` characters (kept within 60 to 200), with a final newline.

    `colour` adds ANSI colours. "brief" shows the findings alone, "verbose" also the layers, the skipped rules
    and everything that was examined.
    """
    width = min(max(width, NARROWEST), WIDEST)
    blocks = [_head(report, width, colour), _run(report, width), *_findings(report, width, colour, detail)]
    if detail != "brief":
        blocks += _advice(report, width)
        if report.summary.verdict == "healthy":
            blocks.append(_bill_of_health(report, width))
        blocks.append(_prescription(report, width, verbose=detail == "verbose"))
        blocks += _circumstances(report, width, verbose=detail == "verbose")
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks if block) + "\n"


def _head(report: Report, width: int, colour: bool) -> list[str]:
    tool = report.tool
    libraries = [f"TensorFlow {tool.tensorflow}"] if tool.tensorflow else []
    libraries += [f"Keras {tool.keras}"] if tool.keras else []
    return [
        *wrap(f"{tool.name} {tool.version}: {report.subject.path} ({report.subject.kind})", width),
        *wrap(", ".join([*libraries, f"Python {tool.python}"]), width),
        f"Verdict: {_verdict(report, colour)}",
    ]


def in_short(report: Report) -> str:
    """The verdict, and the first finding where there is one: `sick (1 error, 2 notes): ND201 log-of-zero`."""
    first = f": {report.findings[0].rule} {report.findings[0].cause}" if report.findings else ""
    return f"{_verdict(report, colour=False)}{first}"


def _verdict(report: Report, colour: bool) -> str:
    summary = report.summary
    counts = [
        plural(count, name)
        for name, count in (("error", summary.error), ("warning", summary.warning), ("note", summary.note))
        if count
    ]
    return f"{_paint(summary.verdict, summary.verdict, colour)} ({', '.join(counts) or 'no findings'})"


def _run(report: Report, width: int) -> list[str]:
    """What a watched training came to."""
    if report.run is None:
        return []
    return [line for said in (report.run.told, report.run.before) if said for line in wrap(said, width)]


def _findings(report: Report, width: int, colour: bool, detail: Detail) -> Iterator[list[str]]:
    """The table of errors and warnings, then the notes."""
    numbered = [(str(index), finding) for index, finding in enumerate(report.findings, start=1)]
    serious = [(label, finding) for label, finding in numbered if finding.severity != "note"]
    if serious:
        rows = [row for label, finding in serious for row in _rows(label, finding, every=detail == "verbose")]
        yield _finding_table(rows, width, colour)
    notes = [(label, finding) for label, finding in numbered if finding.severity == "note"]
    if notes:
        yield ["Notes:", *(line for label, finding in notes for line in _note(label, finding, width))]


@dataclass(frozen=True)
class _Row:
    """A finding under its number; `root` is the one that it follows from, `more` how many like it are left out."""

    label: str
    finding: Finding
    root: Finding | None = None
    more: int = 0


def _rows(label: str, finding: Finding, *, every: bool) -> Iterator[_Row]:
    """The finding, then its consequences numbered below it: of those of one cause the first, or `every` one."""
    yield _Row(label, finding)
    unfolded = list(_unfolded(label, finding))
    causes = Counter(one.cause for _, one in unfolded)
    shown: set[str] = set()
    for below, one in unfolded:
        if every:
            yield _Row(below, one, finding)
        elif one.cause not in shown:
            shown.add(one.cause)
            yield _Row(below, one, finding, causes[one.cause] - 1)


def _unfolded(label: str, finding: Finding) -> Iterator[tuple[str, Finding]]:
    """All that follows from the finding, numbered below it."""
    for index, consequence in enumerate(finding.consequences, start=1):
        yield f"{label}.{index}", consequence
        yield from _unfolded(f"{label}.{index}", consequence)


def _finding_table(rows: Sequence[_Row], width: int, colour: bool) -> list[str]:
    """One row a finding; below 110 columns severity, rule and cause share a column."""
    stacked = width < _STACKED_BELOW
    number_width = max(3, *(len(row.label) for row in rows))
    if stacked:
        named = 17 if width < 80 else 24
        headers = ["#", "finding", "where", "what was measured"]
        left = width - number_width - named - 3 * _GAP
    else:
        named = min(26, max(len(_cause(row.label, row.finding)) for row in rows))
        headers = ["#", "severity", "rule", "cause", "where", "what was measured"]
        left = width - number_width - _SEVERITY - _RULE - named - 5 * _GAP
    where = left * 2 // 5
    measured = left - where
    table: list[list[str] | str] = []
    for row in rows:
        label, finding = row.label, row.finding
        if table:
            table.append(SEPARATING_LINE)
        severity = _paint(finding.severity, finding.severity, colour)
        names = [severity, finding.rule, cell(_cause(label, finding), named)]
        shown = place(finding.location, row.root.location if row.root else None)
        places = "\n".join(cell(line, where) for line in shown)
        told = finding.message if "." not in label else f"{finding.title}. {finding.message}"
        if finding.confidence != "high":
            told += f" (confidence: {finding.confidence})"
        if row.more:
            told += f" ({row.more:,} more like this; --verbose shows all)"
        table.append([label, *(["\n".join(names)] if stacked else names), places, cell(told, measured)])
    return tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True).splitlines()


def _cause(label: str, finding: Finding) -> str:
    """The cause, behind one arrow for each level that it is folded."""
    depth = label.count(".")
    return f"{'-' * depth}> {finding.cause}" if depth else finding.cause


def _note(label: str, finding: Finding, width: int) -> list[str]:
    where = brief_place(finding.location)
    at = f" at {where}" if where else ""
    return item(f"{finding.rule} {finding.cause}{at}: {finding.message}", width, marker=f"{label}. ")


def _advice(report: Report, width: int) -> Iterator[list[str]]:
    """How the first finding came about, and what to do about it."""
    if not report.findings or report.findings[0].severity == "note":
        return
    first = report.findings[0]
    if len(first.chain) > 1:
        yield ["How it came about, from what is seen to its cause:", *_chain(first, width)]
    if first.remedies:
        lines = wrap(f"What to do about 1 ({first.cause}):", width)
        # Of several diffs those are shown that help; where none is known to, those that may.
        shown = "verified" if any(one.verdict == "verified" for one in first.remedies) else "untried"
        for index, remedy in enumerate(first.remedies, start=1):
            lines += item(f"{remedy.title} [{told_trial(remedy)}]", width, marker=f"{index}. ")
            if remedy.patch and remedy.verdict == shown:
                lines += [f"     {line}" for line in remedy.patch.splitlines()]
        yield lines


def _chain(finding: Finding, width: int) -> list[str]:
    """The chain with what was measured at each link, one behind the other; without links the causes alone."""
    if not finding.links:
        return item(" <- ".join(finding.chain), width, marker="")
    lines: list[str] = []
    for link in finding.links:
        told = f"{link.cause}: {link.told}" if lines else link.told
        if link.basis == "inferred":
            told += f" [that it follows from the next is inferred{f', though {link.against}' if link.against else ''}]"
        lines += item(told, width, marker="<- " if lines else "")
    return lines


def _bill_of_health(report: Report, width: int) -> list[str]:
    """What was checked where nothing was found, and how close the nearest limit is."""
    lines = ["No error and no warning. What was checked:"]
    lines += [line for sentence in report.examined for line in item(sentence, width)]
    return lines


def _prescription(report: Report, width: int, *, verbose: bool) -> list[str]:
    """What each column needs; those that need the same share a line, and only the first lines are shown."""
    shared: dict[tuple[str, ...], list[ColumnPrescription]] = {}
    for one in report.prescription:
        shared.setdefault(one.actions, []).append(one)
    if not shared:
        return []
    rows = []
    for actions, ones in shared.items():
        names = listing([one.column for one in ones], len(ones) if verbose else 8)
        why = ones[0].reason if len(ones) == 1 else f"{ones[0].column}: {ones[0].reason}"
        third = (width - 4) // 3
        rows.append([cell(names, third), cell(", then ".join(actions), third), cell(why, third)])
    table = tabulate(rows, headers=["column", "do", "because"], tablefmt="simple", disable_numparse=True)
    return ["What to do with the columns before they are fed:", *table.splitlines()]


def _circumstances(report: Report, width: int, *, verbose: bool) -> Iterator[list[str]]:
    """How the examination was made."""
    if report.notices:
        yield ["Please note:", *(line for notice in report.notices for line in item(notice, width))]
    if report.check_numerics:
        yield wrap(f"TensorFlow's own check_numerics: {_check_numerics(report)}", width)
    if not verbose:
        if report.skipped:
            count = plural(len(report.skipped), "rule")
            yield wrap(f"{count} could not be applied; --verbose says which and why.", width)
        return
    if report.examined and report.summary.verdict != "healthy":
        yield ["What was examined:", *(line for sentence in report.examined for line in item(sentence, width))]
    if report.run is not None and report.run.recorded:
        yield ["The last recorded steps:", *recorded_table(report.run.recorded)]
    if report.layers:
        yield ["Layers:", *layer_table(report.layers, width)]
    if report.skipped:
        rows = [[skipped.rule, cell(skipped.cause, 26), cell(skipped.reason, width - 37)] for skipped in report.skipped]
        table = tabulate(rows, headers=["rule", "cause", "reason"], tablefmt="simple", disable_numparse=True)
        yield ["Rules that could not be applied:", *table.splitlines()]


def _check_numerics(report: Report) -> str:
    said = report.check_numerics or {}
    message = str(said.get("message") or "")
    if not said.get("ran"):
        return f"not run. {message}".strip()
    outcome = "it stopped" if said.get("tripped") else "silent"
    blind = "" if said.get("sees_inside", True) else " (it cannot see inside a restored function)"
    return f"{outcome}{blind}. {message}".strip()


def _paint(text: str, kind: str, colour: bool) -> str:
    return style(text, fg=_COLOURS[kind], bold=True) if colour else text
