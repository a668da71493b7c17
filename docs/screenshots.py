"""Takes the pictures of the report page that the README shows: `python docs/screenshots.py`, or `make screenshots`.

Needs Debian's package `chromium`, and what `make demo` builds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
DEMO = "fixtures/built/demo"
SICK = ("run", "--treat", "fixtures/scripts/sick/variational_autoencoder.py")
HEALTHY = ("scan", f"{DEMO}/healthy.keras", f"{DEMO}/customers.csv", "--labels", "churned")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
WIDTH = 1200


def main() -> None:
    """Writes page-diagnosis.png, page-pictures.png and page-healthy.png."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        sick, healthy = _page(Path(folder) / "sick.html", SICK), _page(Path(folder) / "healthy.html", HEALTHY)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        _take(_opened(browser, sick, "light"), "page-diagnosis", ".top", "#chain")
        _take(_opened(browser, sick, "dark"), "page-pictures", "#ladder", "#history")
        _take(_opened(browser, healthy, "light"), "page-healthy", ".top", "#ladder")
        browser.close()


def _page(file: Path, command: tuple[str, ...]) -> Path:
    """The page that a command of nandoctor writes; its exit code says what it found, not how it went."""
    program = Path(sys.executable).with_name("nandoctor")
    # What follows a script is for the script.
    arguments = [program, command[0], "--quiet", "--output", file, *command[1:]]
    subprocess.run(arguments, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    return file


def _opened(browser: Any, file: Path, scheme: str) -> Any:
    """The page with its pictures drawn."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme=scheme)
    page.goto(file.as_uri())
    page.wait_for_selector("#plot-ladder[data-drawn]")
    page.wait_for_timeout(500)
    return page


def _take(page: Any, name: str, first: str, last: str) -> None:
    """A picture of the page from one of its parts to another."""
    top = page.locator(first).bounding_box()
    end = page.locator(last).bounding_box()
    begin = max(top["y"] - 24, 0)
    clip = {"x": 0, "y": begin, "width": WIDTH, "height": end["y"] + end["height"] + 32 - begin}
    page.screenshot(path=str(IMAGES / f"{name}.png"), full_page=True, clip=clip)
    page.close()


if __name__ == "__main__":
    main()
