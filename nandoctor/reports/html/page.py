"""The page and its core, from templates that escape all that the report says."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from nandoctor.finding import Report
from nandoctor.reports.html.telling import sentences
from nandoctor.reports.places import brief_place, place
from nandoctor.reports.trials import told_trial
from nandoctor.wording import number, plural


def render(report: Report) -> str:
    """The whole page as one HTML document: styles, scripts and plots are in it, nothing is fetched."""
    return _environment().get_template("page.html").render(report=report, told=sentences(report))


def fragment(report: Report) -> str:
    """The page's core for a notebook: the diagnosis, the chain, the findings.

    A `<div class="nandoctor">` with its own styles, which concern nothing outside it; without scripts, and legible on
    a light ground and a dark one.
    """
    return _environment().get_template("fragment.html").render(report=report, told=sentences(report))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("nandoctor.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, place=place, brief_place=brief_place, trial=told_trial, plural=plural)
    return environment
