from __future__ import annotations

import importlib
import inspect
import linecache
import sys
from pathlib import Path

import pytest

from nandoctor.probes.trials.sources import other_sources
from nandoctor.probes.watch.script import Program, as_before, run_program

SCRIPT = """import inspect, sys
from helper import where
def mine():
    return "as it is"
found = mine(), inspect.getsource(mine), where(), __file__, sys.path[0], sys.argv
"""


def test_another_text_runs_in_the_place_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script, helper = tmp_path / "train.py", tmp_path / "helper.py"
    script.write_text(SCRIPT)
    helper.write_text("def where():\n    return 'on disk'\n")
    texts = {str(script): SCRIPT.replace("as it is", "changed"), str(helper): "def where():\n    return 'in memory'\n"}

    with as_before(), other_sources(texts):
        assert run_program(Program("train.py", ("--fast",))) is None
        found = sys.modules["__main__"].found
        sys.modules.pop("helper")

    assert found == (
        "changed",
        'def mine():\n    return "changed"\n',
        "in memory",
        str(script),
        str(tmp_path),
        ["train.py", "--fast"],
    )
    assert script.read_text() == SCRIPT
    assert not (tmp_path / "__pycache__").exists()


def test_the_files_are_themselves_again_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "some_module_of_a_user.py"
    file.write_text("def f():\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)

    with other_sources({str(file): "def f():\n    return 2\n"}):
        assert importlib.import_module(file.stem).f() == 2
        assert linecache.getline(str(file), 2) == "    return 2\n"
    sys.modules.pop(file.stem)
    again = importlib.import_module(file.stem)

    assert again.f() == 1
    assert inspect.getsource(again.f) == file.read_text()
    sys.modules.pop(file.stem)
