"""The report as Markdown, for a comment on a pull request or the summary of a build."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabulate import tabulate

from nandoctor.finding import Finding, Report
from nandoctor.reports.places import place
from nandoctor.reports.trials import told_trial
from nandoctor.wording import plural

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")


def render(report: Report) -> str:
    """The verdict, a table of the findings, and the chain and remedies of the first, with its diffs."""
    summary = report.summary
    counts = ((summary.error, "error"), (summary.warning, "warning"), (summary.note, "note"))
    told = ", ".join(plural(count, name) for count, name in counts if count) or "no findings"
    blocks = [f"## {report.tool.name}: {summary.verdict} ({told})", f"`{report.subject.path}`"]
    if report.run is not None:
        blocks += [_escaped(said) for said in (report.run.told, report.run.before) if said]
    if report.findings:
        rows = [
            [one.severity, f"{one.rule} {one.cause}", "<br>".join(_where(one)), _escaped(one.message)]
            for one in report.findings
        ]
        blocks.append(tabulate(rows, headers=["", "finding", "where", "what was measured"], tablefmt="pipe"))
        blocks += _details(report.findings[0])
    else:
        blocks += ["What was checked:", "\n".join(f"- {_escaped(sentence)}" for sentence in report.examined)]
    return "\n\n".join(blocks) + "\n"


def _where(finding: Finding) -> Iterator[str]:
    code = (finding.location.code or "").strip()
    for line in place(finding.location):
        yield f"`` {line.strip().replace('|', chr(92) + '|')} ``" if line.strip() == code else _escaped(line.strip())


def _details(finding: Finding) -> Iterator[str]:
    if finding.links:
        yield "**How it came about**, from what is seen to its cause:"
        yield "\n".join(
            f"{number}. **{link.cause}**: {_escaped(link.told)}{' *(inferred)*' if link.basis == 'inferred' else ''}"
            for number, link in enumerate(finding.links, start=1)
        )
    if finding.remedies:
        yield f"**What to do about {finding.cause}**:"
        yield "\n".join(f"- {_escaped(one.title)} ({_escaped(told_trial(one))})" for one in finding.remedies)
    for remedy in finding.remedies:
        if remedy.patch:
            language = "diff" if remedy.patch.startswith("---") else "python"
            yield f"```{language}\n{remedy.patch.rstrip()}\n```"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
