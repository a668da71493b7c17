"""The page in a real browser: Chromium, headless."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nandoctor.finding import Report
from nandoctor.reports.html import render

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PLOTS = ("plot-ladder", "plot-columns", "plot-history-0", "plot-history-1", "plot-history-2")
# The canvas is below the shadow roots of the plots' elements.
PAINTED = """place => {
    const canvases = (root) => [...root.querySelectorAll("*")].flatMap(
        (one) => [...(one.tagName === "CANVAS" ? [one] : []), ...(one.shadowRoot ? canvases(one.shadowRoot) : [])]);
    return canvases(document.getElementById(place)).flatMap((canvas) => {
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        const colours = new Set();
        for (let at = 0; at < pixels.length; at += 4)
            if (pixels[at + 3] === 255) colours.add(`${pixels[at]},${pixels[at + 1]},${pixels[at + 2]}`);
        return [...colours];
    });
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for all tests; where there is none they are skipped, but never in CI."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        why = "there is no chromium (Debian's package `chromium`) to open the page with"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


class Opened:
    """The page of a report, opened; `wrong` are the errors of its console and what it asked the network for."""

    def __init__(self, browser: Any, file: Path, report: Report) -> None:
        file.write_text(render(report), encoding="utf-8")
        self.wrong: list[str] = []
        self.page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda asked: self._asked(asked.url, file))
        self.page.goto(file.as_uri())

    def _asked(self, address: str, file: Path) -> None:
        if address != file.as_uri() and not address.startswith("data:"):
            self.wrong.append(address)

    def drawn(self, place: str) -> set[str]:
        """The colours that a plot is painted with, as `red,green,blue`."""
        self.page.wait_for_selector(f"#{place}[data-drawn]")
        self.page.wait_for_function(f"place => ({PAINTED})(place).length > 3", arg=place)
        return set(self.page.evaluate(PAINTED, place))

    def layers(self) -> list[str]:
        """The names in the table of layers that are to be seen, from top to bottom."""
        names: list[str] = self.page.locator("#layer-table tbody tr:visible th").all_inner_texts()
        return names


@pytest.fixture
def opened(chromium: Any, tmp_path: Path, pictured_report: Report) -> Iterator[Opened]:
    one = Opened(chromium, tmp_path / "page.html", pictured_report)
    yield one
    one.page.close()


def test_it_opens_without_an_error_or_a_request_and_draws_all_pictures(opened: Opened) -> None:
    for place in PLOTS:
        assert opened.drawn(place)

    assert opened.wrong == []
    assert opened.page.locator("#chain").is_visible()
    assert opened.page.locator("#ladder").is_visible()
    assert opened.page.locator("#chain .nd-chain > li").count() == 3


def test_the_ladder_shows_values_gradients_and_what_is_not_finite(opened: Opened) -> None:
    blue, amber, red = "63,127,193", "184,116,26", "214,69,69"

    assert {blue, amber, red} <= opened.drawn("plot-ladder")
    assert {blue, red} <= opened.drawn("plot-history-0")


def test_a_button_sorts_the_layers_and_says_so(opened: Opened) -> None:
    dense, probabilities = "classifier/dense", "classifier/probabilities"
    header = opened.page.locator("#layer-table th", has_text="headroom")

    header.get_by_role("button").click()
    assert opened.layers() == [dense, probabilities]
    assert header.get_attribute("aria-sort") == "descending"

    header.get_by_role("button").click()
    assert opened.layers() == [probabilities, dense]
    assert opened.page.locator("#layer-table th[aria-sort]").count() == 1

    # What was not measured of a layer stays last.
    pinned = opened.page.locator("#layer-table th", has_text="pinned").get_by_role("button")
    pinned.click()
    assert opened.layers() == [probabilities, dense]
    pinned.click()
    assert opened.layers() == [probabilities, dense]


def test_search_leaves_the_layers_that_match(opened: Opened) -> None:
    search = opened.page.get_by_label("Search layers")

    search.fill("SOFT float16")
    assert opened.layers() == ["classifier/probabilities"]
    assert opened.page.locator("#layer-count").inner_text() == "1 of 2"

    search.fill("")
    assert len(opened.layers()) == 2


def test_the_keyboard_reaches_every_control(opened: Opened) -> None:
    reached = []
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        reached.append(opened.page.evaluate("document.activeElement.tagName + ' ' + document.activeElement.id"))

    assert reached[0] == "A "  # past the head of the page
    assert {"INPUT layer-search", "BUTTON ", "SUMMARY "} <= set(reached)
    assert reached.count("BUTTON ") == 15


def test_enter_unfolds_and_sorts(opened: Opened) -> None:
    summary = opened.page.locator("#finding-1 summary").first
    summary.press("Enter")
    assert opened.page.locator("#finding-1 details").first.get_attribute("open") is not None

    header = opened.page.locator("#layer-table th", has_text="layer")
    header.get_by_role("button").press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"


@pytest.mark.parametrize(
    ("scheme", "ground", "letters"),
    [("light", "rgb(251, 251, 249)", "27,30,35"), ("dark", "rgb(19, 21, 24)", "229,231,234")],
)
def test_the_colour_scheme_is_followed(opened: Opened, scheme: str, ground: str, letters: str) -> None:
    opened.page.emulate_media(color_scheme=scheme)
    opened.page.reload()

    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
    # The plots' letters, too.
    assert letters in opened.drawn("plot-ladder")


def test_a_change_of_the_colour_scheme_repaints_the_plots(opened: Opened) -> None:
    opened.drawn("plot-ladder")
    opened.page.emulate_media(color_scheme="dark")

    opened.page.wait_for_function(f"place => ({PAINTED})(place).includes('229,231,234')", arg="plot-ladder")


def test_print_shows_what_is_folded(opened: Opened) -> None:
    reason = opened.page.get_by_text("no labels were given")
    assert not reason.is_visible()

    opened.page.emulate_media(media="print")
    reason.wait_for(state="visible")
    assert not opened.page.locator("nav").is_visible()

    opened.page.emulate_media(media="screen")
    reason.wait_for(state="hidden")


@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_itself_never_scrolls_sideways(opened: Opened, width: int) -> None:
    opened.page.set_viewport_size({"width": width, "height": 900})

    assert opened.page.evaluate("document.documentElement.scrollWidth") == width


def test_the_script_in_a_layers_name_does_not_run(chromium: Any, tmp_path: Path, pictured_report: Report) -> None:
    hostile = "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
    layers = tuple(replace(row, layer=row.layer + hostile) for row in pictured_report.layers)
    one = Opened(chromium, tmp_path / "page.html", replace(pictured_report, layers=layers))

    one.drawn("plot-ladder")
    assert one.page.title().startswith("sick: Logarithm of zero")
    assert one.layers()[0] == f"classifier/dense{hostile}"
    assert one.wrong == []
    one.page.close()


def test_a_name_in_dollar_signs_fetches_no_typesetter(chromium: Any, tmp_path: Path, pictured_report: Report) -> None:
    names = ("$$x^2$$", r"\(y\)")
    layers = tuple(replace(row, layer=name) for row, name in zip(pictured_report.layers, names, strict=True))
    column = replace(pictured_report.columns[0], column="$$x$$")
    report = replace(pictured_report, layers=layers, columns=(column,))
    one = Opened(chromium, tmp_path / "page.html", report)

    one.drawn("plot-ladder")
    one.drawn("plot-columns")
    assert one.wrong == []
    one.page.close()


def test_on_a_narrow_screen_names_leave_room_for_what_they_name(
    chromium: Any, tmp_path: Path, pictured_report: Report
) -> None:
    one = Opened(chromium, tmp_path / "page.html", pictured_report)
    one.page.set_viewport_size({"width": 400, "height": 900})
    one.page.reload()
    one.drawn("plot-ladder")

    labels = one.page.evaluate(
        "[...Bokeh.index].filter(({ model }) => model.left).flatMap(({ model }) => model.left.flatMap("
        "(axis) => [...axis.major_label_overrides.values()].map((label) => label.text)))"
    )
    assert "class…robabilities" in labels
    assert max(len(label) for label in labels) <= 18
    one.page.close()


def test_a_healthy_page_looks_healthy(chromium: Any, tmp_path: Path, healthy_report: Report) -> None:
    one = Opened(chromium, tmp_path / "page.html", healthy_report)

    assert one.page.locator("h1").inner_text() == "No error and no warning"
    assert one.page.locator(".checks li").all_inner_texts() == list(healthy_report.examined)
    assert one.wrong == []
    one.page.close()
