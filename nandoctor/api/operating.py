"""Remedies that are an operation on one step, tried on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nandoctor.finding import Report

if TYPE_CHECKING:
    from nandoctor.facts import Facts
    from nandoctor.probes.trials.patient import Patient


def operated_on(report: Report, facts: Facts, patient: Patient | str) -> Report:
    """The report with the remedies tried on the step."""
    from nandoctor.diagnosis.treatment import treated
    from nandoctor.probes.trials.surgery import trials

    return treated(report, trials(patient, facts, report.findings))
