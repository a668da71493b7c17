"""The page as text: what stands in it, what is escaped, what is never fetched."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from nandoctor.finding import Band, LayerRow, RecordedStep, Report
from nandoctor.reports.html import fragment, render

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
LOADING = {"src", "srcset", "poster", "data", "action", "background"}


class Page(HTMLParser):
    """The tags with their attributes, the text outside scripts and styles, and the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words.append(data)
        elif self._inside[-1] == "script":
            self.scripts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.tags if "id" in attributes]


def plots(text: str) -> dict[str, Any]:
    """What the page's script draws, by its place."""
    found = re.search(r'<script type="application/json" id="plots">(.*?)</script>', text, re.DOTALL)
    return json.loads(found.group(1)) if found else {}


@pytest.fixture(scope="module")
def pictured(pictured_report: Report) -> str:
    """The whole page, which takes a moment to make."""
    return render(pictured_report)


@pytest.fixture(scope="module")
def pictured_page(pictured: str) -> Page:
    return Page(pictured)


def test_what_it_says_of_the_root_cause(pictured_page: Page) -> None:
    text = pictured_page.text

    assert "Logarithm of zero at train.py:41" in text
    assert "Training tripped at step 2: the loss is NaN." in text
    assert "What to do: Compute the loss from the logits instead of probabilities (verified)." in text
    assert "loss Inf -> 0.6931, gradients and updated weights finite" in text
    assert "loss = keras.losses.CategoricalCrossentropy(from_logits=True)" in text


def test_the_chain_tells_what_was_measured_and_what_speaks_against_an_inference(pictured_page: Page) -> None:
    text = pictured_page.text

    assert text.index("the loss is Inf") < text.index("column income reaches 1.2e+05")
    assert "It was measured that this follows from the next." in text
    assert "That this follows from the next is inferred from figures that fit, though the logits are small." in text


def test_every_finding_is_there_with_its_consequences_and_its_figures(report: Report) -> None:
    page = Page(render(report))
    shown = [(one["data-rule"], one["data-cause"]) for tag, one in page.tags if tag == "article"]

    def flat(findings: Any) -> list[tuple[str, str]]:
        return [pair for one in findings for pair in ((one.rule, one.cause), *flat(one.consequences))]

    assert shown == flat(report.findings)
    for finding in report.findings:
        assert " ".join(finding.message.split()) in page.text
        assert all(name.replace("_", " ") in page.text for name in (*finding.evidence, *finding.limits))


def test_a_healthy_report_says_what_was_checked(healthy_report: Report) -> None:
    text = render(healthy_report)

    assert "verdict-healthy" in text
    assert "No error and no warning" in Page(text).text
    for sentence in healthy_report.examined:
        assert sentence in Page(text).text
    assert "What to do" not in Page(text).text


def test_notices_and_skipped_rules_are_told(sick_report: Report) -> None:
    text = Page(render(sick_report)).text

    assert "1 rule could not be applied" in text
    assert "no labels were given" in text
    assert "The model has 2 signatures" in text
    assert "it cannot see inside a restored function" in text


def everything_hostile(value: Any) -> Any:
    """The same report with a script in every free text of it."""
    fixed = {"severity", "confidence", "verdict", "basis", "phase", "kind", "role", "dtype", "trip", "check_numerics"}
    if isinstance(value, str):
        return value + HOSTILE if value else value
    if isinstance(value, tuple):
        return tuple(everything_hostile(one) for one in value)
    if isinstance(value, dict):
        return {everything_hostile(key): everything_hostile(one) for key, one in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        changed = {
            name: everything_hostile(getattr(value, name)) for name in value.__dataclass_fields__ if name not in fixed
        }
        return replace(value, **changed)
    return value


@pytest.mark.parametrize("make", [render, fragment])
def test_whatever_a_report_says_stays_text(pictured_report: Report, make: Any) -> None:
    tame, wild = make(pictured_report), make(everything_hostile(pictured_report))

    assert HOSTILE not in wild
    assert "<img" not in wild.replace(library(), "")
    # The same tags, one for one: nothing of what was said became markup.
    assert [tag for tag, _ in Page(wild).tags] == [tag for tag, _ in Page(tame).tags]
    assert all(name[:2] != "on" for _, attributes in Page(wild).tags for name in attributes)


def library() -> str:
    from nandoctor.reports.html.plots import library as bokeh

    return bokeh()


def test_nothing_is_fetched(pictured_page: Page, pictured: str) -> None:
    for tag, attributes in pictured_page.tags:
        assert not LOADING & set(attributes), tag
        assert tag not in ("iframe", "object", "embed", "base", "audio", "video")
        assert (attributes.get("href") or "#").startswith(("#", "data:"))
    styles = "".join(re.findall(r"<style>(.*?)</style>", pictured, re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles


def test_a_report_of_hundreds_of_layers_stays_below_two_megabytes(sick_report: Report) -> None:
    band = Band(2**20, 3, 0, 0, 1.23e-12, 1.23e-6, 0.5, 4.0, 8.0)
    row = LayerRow("", "FusedBatchNormV3", "float32", 0.0, 812.4, 0, 0.51, None, 118.3, 4.2, 0.31, band, band)
    layers = tuple(replace(row, layer=f"residual_block_{number}/convolution_2/normalized") for number in range(250))

    assert len(render(replace(sick_report, layers=layers)).encode()) < 2_000_000


def test_the_same_report_gives_the_same_page(pictured_report: Report, pictured: str) -> None:
    assert render(pictured_report) == pictured


def test_all_recorded_steps_are_drawn_and_the_last_ones_told(pictured_report: Report) -> None:
    run = pictured_report.run
    assert run is not None
    steps = tuple(RecordedStep(step, 1.0 + step, 1.0, 0.1) for step in range(300))

    text = render(replace(pictured_report, run=replace(run, recorded=steps[-16:], history=steps)))

    page = Page(text).text
    assert "The last 300 recorded steps." in page
    assert "The last 16 steps as a table" in page
    assert all(
        '["step",[0,1,2,' in json.dumps(plots(text)[f"plot-history-{place}"], separators=(",", ":"))
        for place in range(3)
    )


def test_without_figures_there_are_no_plots_and_no_library(sick_report: Report) -> None:
    text = render(replace(sick_report, layers=()))

    assert plots(text) == {}
    assert len(text) < 100_000


def test_the_ladder_is_drawn_against_the_dtypes_with_the_first_bad_op_marked(pictured: str) -> None:
    text = pictured
    drawn = json.dumps(plots(text)["plot-ladder"])

    for name in ("float32", "bfloat16", "float16", "classifier/dense", "classifier/probabilities"):
        assert f'"{name}"' in drawn
    assert "The first bad op is marked: Log (train.py:41), forward pass, outside the layers" in Page(text).text


def test_the_first_bad_op_is_marked_in_the_row_of_its_layer(pictured_report: Report) -> None:
    layers = (*pictured_report.layers, replace(pictured_report.layers[0], layer="classifier/surprise"))
    report = replace(pictured_report, layers=layers)

    text = Page(render(report)).text

    assert "The first bad op is marked: Log (train.py:41) in layer classifier/surprise, forward pass" in text


def test_values_that_are_not_finite_are_shown_as_such(pictured: str) -> None:
    text = pictured
    words = Page(text).text

    assert '"Inf and NaN"' in json.dumps(plots(text)["plot-history-0"])
    assert re.search(r"1 Inf 1 0\.1 2 NaN 1 0\.1", words)
    assert "1 NaN, 2 infinite, 2 missing, 1 text" in words
    assert "line 19: nan; row 41: missing; 4 more cells" in words
    assert "7 more are left out" in words


def test_the_table_of_layers_has_a_button_for_each_column(sick_report: Report) -> None:
    page = Page(render(sick_report))

    assert sum(tag == "button" for tag, _ in page.tags) == 15
    assert [one["aria-sort"] for _, one in page.tags if "aria-sort" in one] == ["ascending"]
    assert {"layer-search", "layer-table"} <= set(page.ids())


def test_every_id_is_there_once_and_every_link_leads_to_one(pictured_page: Page) -> None:
    page = pictured_page
    links = {(one.get("href") or "")[1:] for tag, one in page.tags if tag == "a"}

    assert len(page.ids()) == len(set(page.ids()))
    assert links <= set(page.ids())


def test_the_fragment_has_the_core_and_no_script(pictured_report: Report) -> None:
    text = fragment(pictured_report)

    assert text.lstrip().startswith('<div class="nandoctor">')
    assert not Page(text).scripts
    for said in ("Logarithm of zero at train.py:41", "the loss is Inf", "ND105 unscaled-input", "log-of-zero"):
        assert said in Page(text).text
    rules = re.sub(r"\s*\{.*?\}", "", re.findall(r"<style>(.*?)</style>", text, re.DOTALL)[0]).split("\n")
    assert all(one.strip().startswith(".nandoctor") for rule in rules if rule.strip() for one in rule.split(","))


def test_the_page_is_loaded_with_its_plots_only_when_it_is_made() -> None:
    program = """
import sys
from nandoctor.reports.formats import ReportFormat, render
from nandoctor.finding import Report, ReportSubject, Summary, Tool
report = Report(Tool("nandoctor", "0", None, None, "3"), ReportSubject("data", "x"), Summary(0, 0, 0, "healthy"), ())
render(report, ReportFormat.JSON)
assert not {"jinja2", "bokeh"} & set(sys.modules)
from nandoctor.reports.html import fragment
fragment(report)
assert "bokeh" not in sys.modules
render(report, ReportFormat.HTML)
assert "bokeh" in sys.modules and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
