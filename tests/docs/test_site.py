"""The site: it is built without a warning, holds a page for each rule, and needs no network to be read."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from nandoctor.rule import PAGE_HEADINGS, load_rules, page

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("site")
    options = ["--fail-on-warning", "--keep-going", "--quiet", "--builder", "html"]
    command = [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(built)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return built


def text_of(html: Path) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html.read_text(encoding="utf-8")))


def test_each_rule_has_a_page_with_all_that_explain_prints(site: Path) -> None:
    for rule in load_rules():
        shown = text_of(site / "rules" / f"{rule.cause}.html")
        assert f"{rule.code} {rule.cause}" in shown
        assert all(heading in shown for heading in PAGE_HEADINGS)
        assert " ".join(page(rule)["Example"].split()) in " ".join(shown.split()), rule.cause
        for heading in ("What it finds", "Limit and source", "When it is fine"):
            said = page(rule)[heading].replace("`", "")
            if not re.search(r"^\s*- ", said, re.MULTILINE):
                assert " ".join(said.split()) in " ".join(shown.split()), f"{rule.cause}: {heading}"


def test_the_rules_are_indexed_by_family(site: Path) -> None:
    families = text_of(site / "rules" / "index.html")
    backward = (site / "rules" / "backward.html").read_text(encoding="utf-8")

    assert "Backward pass" in families
    assert 'href="sqrt-gradient-at-zero.html"' in backward


def test_what_the_readme_says_is_included(site: Path) -> None:
    assert "Your model says NaN" in text_of(site / "index.html")
    assert "That is all the set-up there is" in text_of(site / "start.html")
    for name in ("training", "data", "source", "formats", "background"):
        assert "nandoctor" in text_of(site / f"{name}.html")


def test_nothing_is_fetched_when_a_page_is_read(site: Path) -> None:
    fetched = re.compile(r"<(?:script|img|link rel=\"stylesheet\")[^>]*(?:src|href)=\"(?:https?:)?//[^\"]*")

    assert [match for html in site.rglob("*.html") for match in fetched.findall(html.read_text(encoding="utf-8"))] == []
