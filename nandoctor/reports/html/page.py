"""The page and its core, from templates that escape all that the report says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nandoctor.finding import Finding, Report, Scalar
from nandoctor.reports.html.layers import FIGURES, shown_layers
from nandoctor.reports.html.telling import counted, heading, sentences, symptom
from nandoctor.reports.places import place
from nandoctor.reports.trials import told_trial
from nandoctor.wording import number, plural


def render(report: Report) -> str:
    """The whole page as one HTML document: styles, scripts and plots are in it, nothing is fetched."""
    # The plots' library is large: a notebook, which shows the fragment alone, does without.
    from nandoctor.reports.html.pictures import pictures

    template = _environment().get_template("page.html")
    return template.render(
        report=report, pictures=pictures(report), layers=shown_layers(report.layers), figures=tuple(FIGURES)
    )


def fragment(report: Report) -> str:
    """The page's core for a notebook: the diagnosis, the chain, the findings.

    A `<div class="nandoctor">` with its own styles, which concern nothing outside it; without scripts, and legible on
    a light ground and a dark one.
    """
    return _environment().get_template("fragment.html").render(report=report)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("nandoctor.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Of a plot's models each is written out where it stands first, and referred to afterwards: the order matters.
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    environment.globals.update(source=_source)
    environment.filters.update(
        counted=counted,
        figure=figure,
        heading=heading,
        lines=patch_lines,
        number=number,
        place=place,
        plural=plural,
        sentences=sentences,
        symptom=symptom,
        trial=told_trial,
        unfolded=unfolded,
    )
    return environment


def _source(name: str) -> Markup:
    """A style or script of ours, to stand in the page as it is."""
    environment = _environment()
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


def figure(value: Scalar | None) -> str:
    """A measured value as people read it; empty for one that was not measured."""
    if value is None:
        return ""
    return str(value) if isinstance(value, str | bool) else number(value)


def patch_lines(patch: str) -> list[tuple[str, str]]:
    """The lines of a patch, each with what it is in a diff: "added", "removed", "place", or "" where it stays."""
    lines = patch.rstrip("\n").splitlines()
    if not patch.startswith("---"):
        return [("", line) for line in lines]
    kinds = {"+": "added", "-": "removed", "@": "place"}
    return [("place" if line.startswith(("+++", "---")) else kinds.get(line[:1], ""), line) for line in lines]


def unfolded(finding: Finding) -> Iterator[Finding]:
    """All that follows from the finding, each consequence before those that follow from it."""
    for consequence in finding.consequences:
        yield consequence
        yield from unfolded(consequence)
