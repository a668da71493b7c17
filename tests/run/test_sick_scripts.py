"""Training scripts with a planted fault each: the first finding names it as the script's docstring does."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.tensorflow

SCRIPTS = sorted((Path(__file__).parents[2] / "fixtures/scripts/sick").glob("*.py"))
PLACE = ("phase", "layer", "step", "epoch", "batch", "rows", "dataset_rows", "dataset_lines", "columns")


TAKES_ANOTHER_RUN = {"unscaled-input", "unscaled-target", "unbounded-recurrent-activation"}
TRAINING = "ND4"


def planted(script: Path) -> dict[str, Any]:
    """What the docstring says below its first line; `line` is the only one that holds `code`."""
    source = script.read_text()
    tree = ast.parse(source)
    expected: dict[str, Any] = yaml.safe_load((ast.get_docstring(tree) or "").partition("\n\n")[2])
    if "code" in expected:
        docstring = tree.body[0].end_lineno or 0
        lines = [n for n, line in enumerate(source.splitlines(), 1) if n > docstring and expected["code"] in line]
        (expected["line"],) = lines
    return expected


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_planted_fault_is_the_first_finding_and_that_of_the_replay(
    script: Path, watched: Callable[..., Any]
) -> None:
    expected = planted(script)

    ran = watched(script, expected.get("process") == "own")

    assert ran.report["findings"], ran.printed
    first = ran.report["findings"][0]
    place = {key: expected[key] for key in (*PLACE, "line") if key in expected}
    found = {key: first["location"].get(key) for key in place}
    if "dataset_lines" in found:
        found["dataset_lines"] = [Path(one).name for one in found["dataset_lines"] or ()]
    assert {"cause": first["cause"], **found} == {"cause": expected["cause"], **place}
    assert first["severity"] != "note"
    assert first["chain"] == expected.get("chain", first["chain"])
    assert ran.raised == expected.get("raises")
    assert (ran.replayed is None) is bool(expected.get("finite") or expected.get("raises"))
    if "static_rule" in expected:
        assert first["evidence"]["static_rule"] == expected["static_rule"]
    if ran.replayed is not None:
        again = ran.replayed["findings"][0]
        assert again["evidence"].get("static_rule") == first["evidence"].get("static_rule")
        assert (again["cause"], again["location"]) == (first["cause"], first["location"])
        best = again["remedies"][0]
        if first["rule"].startswith(TRAINING) or first["cause"] in TAKES_ANOTHER_RUN:
            assert best["verdict"] == "untried"
        else:
            assert best["verdict"] == "verified", again["remedies"]
            assert best["trial"].get("rows_unchanged") == best["trial"].get("rows_compared")


def test_the_matrix_covers_the_families_and_the_ways_of_training() -> None:
    expected = [planted(script) for script in SCRIPTS]
    ways = {one["way"] for one in expected}

    assert len(SCRIPTS) >= 30
    assert len({one["cause"] for one in expected}) >= 25
    assert len(ways) >= 30
