"""Source that is well: nothing above a note, and few notes."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from nandoctor.api import lint

SCRIPTS = Path(__file__).parents[3] / "fixtures/scripts"
# Where the fault of a script is in its own operations, by cause: the look names one of these rules in that line.
FORETOLD = {
    "log-of-zero": {"unguarded-log"},
    "log-of-negative": {"unguarded-log"},
    "where-gradient-trap": {"single-where-guard"},
    "exp-overflow": {"unguarded-exp"},
    "division-by-zero": {"unguarded-division", "unguarded-norm"},
    "sqrt-gradient-at-zero": {"unguarded-sqrt", "unguarded-norm"},
    "pow-gradient": {"unguarded-pow"},
}


def test_nothing_above_a_note_is_said_of_healthy_scripts() -> None:
    report = lint(SCRIPTS / "healthy")

    assert [(one.cause, one.location.file) for one in report.findings if one.severity != "note"] == []
    assert len(report.findings) <= 3


def test_nothing_above_a_note_is_said_of_keras_but_of_its_tests() -> None:
    keras = find_spec("keras")
    assert keras is not None
    assert keras.origin is not None
    source = Path(keras.origin).parent / "src"
    files = [path for path in source.rglob("*.py") if not path.name.endswith("_test.py")]

    report = lint(*files)

    assert [(one.cause, one.location.file) for one in report.findings if one.severity != "note"] == []
    assert len(report.findings) <= 20


def planted() -> list[tuple[Path, str, int]]:
    """The scripts whose planted fault is one of these causes, with the line it is in."""
    found = []
    for script in sorted((SCRIPTS / "sick").glob("*.py")):
        source = script.read_text()
        tree = ast.parse(source)
        told = yaml.safe_load((ast.get_docstring(tree) or "").partition("\n\n")[2])
        if told["cause"] in FORETOLD and "code" in told:
            docstring = tree.body[0].end_lineno or 0
            (line,) = [n for n, text in enumerate(source.splitlines(), 1) if n > docstring and told["code"] in text]
            found.append((script, told["cause"], line))
    return found


@pytest.mark.parametrize(("script", "cause", "line"), planted(), ids=lambda one: getattr(one, "stem", None))
def test_what_failed_in_a_run_is_flagged_before_it(script: Path, cause: str, line: int) -> None:
    flagged = {one.cause for one in lint(script).findings if one.location.line == line}

    assert flagged & FORETOLD[cause]
