"""The report as JUnit XML, which build servers show as tests."""

from __future__ import annotations

import re
from io import BytesIO

from junitparser import Attr, Failure, IntAttr, JUnitXml, TestCase, TestSuite

from nandoctor.finding import Finding, Report
from nandoctor.reports.places import place, shown_file
from nandoctor.reports.trials import told_trial

# What XML 1.0 cannot hold, however it is written.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """A test for each root: it fails for an error, and passes for a warning or note, with its text as output.

    Where nothing was found there is one test, which passes.
    """
    suite = TestSuite(report.tool.name)
    suite.add_property("subject", report.subject.path)
    suite.add_property("verdict", report.summary.verdict)
    for finding in report.findings:
        suite.add_testcase(_case(finding, report.subject.path))
    if not report.findings:
        suite.add_testcase(TestCase("nothing found", report.subject.path))
    xml = JUnitXml()
    xml.add_testsuite(suite)
    written = BytesIO()
    xml.write(written, pretty=True)
    return written.getvalue().decode()


class _Case(TestCase):
    """A test that says where it is, as pytest's do and build servers read it."""

    file = Attr()
    line = IntAttr()


def _case(finding: Finding, subject: str) -> TestCase:
    where = finding.location
    at = where.layer or where.op or ", ".join(where.columns or ())
    case = _Case(f"{finding.rule} {finding.cause}{f' at {at}' if at else ''}", subject)
    if where.file:
        case.file = shown_file(where.file)
        if where.line is not None:
            case.line = where.line
    if finding.severity == "error":
        failure = Failure(_NOT_XML.sub("?", finding.message), finding.cause)
        failure.text = _text(finding)
        case.result = [failure]
    else:
        case.system_out = _text(finding)
    return case


def _text(finding: Finding) -> str:
    lines = [f"{finding.severity}: {finding.title}. {finding.message}", *place(finding.location)]
    lines += [f"{'<- ' if number else ''}{link.cause}: {link.told}" for number, link in enumerate(finding.links)]
    lines += [f"remedy: {one.title} [{told_trial(one)}]" for one in finding.remedies]
    return _NOT_XML.sub("?", "\n".join(line for line in lines if line.strip()))
