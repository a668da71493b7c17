from __future__ import annotations

from typing import Any

import pytest

from nandoctor.rule import PAGE_HEADINGS, load_rules

Command = Any


def test_every_rule_is_listed_under_its_family(nandoctor: Command) -> None:
    outcome = nandoctor("explain")

    assert outcome.code == 0
    assert "Forward" in outcome.out
    for rule in load_rules():
        assert rule.code in outcome.out


@pytest.mark.parametrize("name", ["ND201", "nd201", "log-of-zero", "Log-Of-Zero"])
def test_a_rule_is_found_by_its_code_and_its_cause(nandoctor: Command, name: str) -> None:
    outcome = nandoctor("explain", name)

    assert outcome.code == 0
    assert outcome.out.startswith("ND201 log-of-zero: Logarithm of zero\n")
    for heading in PAGE_HEADINGS:
        assert f"\n{heading}\n" in outcome.out
    assert "\n  x = np.array([[0.0, 1.0], [0.0, 200.0]], np.float32)\n" in outcome.out


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("log-of-zer", "did you mean log-of-zero"),
        ("ND2001", "did you mean ND2"),
        ("something else", "`nandoctor explain` lists all rules"),
    ],
)
def test_an_unknown_name_gets_the_nearest_ones(nandoctor: Command, name: str, told: str) -> None:
    outcome = nandoctor("explain", name)

    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("columns", ["60", "80", "140"])
def test_the_list_fits_the_terminal(nandoctor: Command, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    assert max(map(len, nandoctor("explain").out.splitlines())) <= int(columns)
