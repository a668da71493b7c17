"""Training scripts that are well: nothing is found in them, and they run as without a watch."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.tensorflow

SCRIPTS = sorted((Path(__file__).parents[2] / "fixtures/scripts/healthy").glob("*.py"))
NOT_YET: dict[str, str] = {}


def described(script: Path) -> dict[str, Any]:
    """What the docstring says below its first line."""
    docstring = ast.get_docstring(ast.parse(script.read_text())) or ""
    told: dict[str, Any] = yaml.safe_load(docstring.partition("\n\n")[2])
    return told


def cases() -> list[Any]:
    return [
        pytest.param(
            script,
            id=script.stem,
            marks=[pytest.mark.xfail(strict=True, reason=NOT_YET[script.stem])] if script.stem in NOT_YET else [],
        )
        for script in SCRIPTS
    ]


@pytest.mark.parametrize("script", cases())
def test_no_error_and_no_warning(script: Path, watched: Callable[..., Any]) -> None:
    told = described(script)

    ran = watched(script, told.get("process") == "own")

    loud = [one for one in ran.report["findings"] if one["severity"] != "note"]
    assert [(one["cause"], one["message"]) for one in loud] == []
    assert ran.raised is None
    assert ("nothing was watched" in ran.printed) is (told.get("steps") == 0), ran.printed


def test_there_are_fifteen_of_them() -> None:
    assert len(SCRIPTS) >= 15
