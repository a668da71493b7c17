from __future__ import annotations

from pathlib import Path

import pytest

from nandoctor.probes.trials.attempt import Attempt, Ran, run_here
from nandoctor.probes.trials.settings import Setting
from nandoctor.probes.watch.script import Program, as_before


def ran(script: Path, text: str, attempt: Attempt) -> Ran:
    script.write_text(text)
    with as_before():
        return run_here(attempt)


def test_what_a_script_raised_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    attempt = Attempt(Program(str(script)))

    assert ran(script, "raise KeyError('a')", attempt).raised == "KeyError"
    assert ran(script, "raise SystemExit(0)", attempt).raised is None
    assert ran(script, "raise SystemExit('no data')", attempt).raised == "SystemExit"


@pytest.mark.parametrize("kind", ["clip", "learning-rate", "standardize"])
def test_a_setting_that_nothing_of_the_script_has_is_no_trial(tmp_path: Path, kind: str) -> None:
    script = tmp_path / "script.py"

    found = ran(script, "numbers = [1, 2]", Attempt(Program(str(script)), setting=Setting(kind, value=0.1)))

    assert (found.facts, found.failure) == (None, "it changes nothing of this script")
