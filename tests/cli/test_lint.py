from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

Command = Any
SICK = """import keras
import tensorflow as tf


def loss(y_true, y_pred):
    return -tf.reduce_mean(
        y_true
        * tf.math.log(y_pred)
    )


model = keras.Sequential([keras.layers.Dense(1, activation="softmax")])
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(SICK)
    return path


def test_findings_have_file_line_function_and_code(nandoctor: Command, script: Path) -> None:
    outcome = nandoctor("lint", script, "--format", "json")

    report = json.loads(outcome.out)
    assert (outcome.code, outcome.err) == (1, "")
    assert report["subject"] == {"kind": "script", "path": str(script)}
    assert report["summary"] == {"error": 1, "warning": 1, "note": 0, "verdict": "sick"}
    places = [(one["rule"], one["location"]["line"], one["location"]["function"]) for one in report["findings"]]
    assert places == [("ND810", 12, None), ("ND801", 8, "loss")]
    assert report["findings"][1]["location"]["code"] == "* tf.math.log(y_pred)"


def test_the_table_shows_them(nandoctor: Command, script: Path, tmp_path: Path) -> None:
    outcome = nandoctor("lint", script, "--fail-on", "never", "-o", tmp_path / "report.yaml")

    assert outcome.code == 0
    assert "softmax-over-one-unit" in outcome.out
    assert (tmp_path / "report.yaml").exists()


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("# nandoctor: ignore[ND801]", []),
        ("# nandoctor: ignore[ND805, nd801]  it is guarded elsewhere", []),
        ("# nandoctor: ignore", []),
        ("# nandoctor: ignore[ND802]", ["unguarded-log"]),
        ("# nandoctor is ignored", ["unguarded-log"]),
    ],
)
def test_a_comment_on_any_line_of_the_statement_ignores(
    nandoctor: Command, script: Path, comment: str, left: list[str]
) -> None:
    script.write_text(SICK.partition("model =")[0].replace("    )\n", f"    )  {comment}\n"))

    report = json.loads(nandoctor("lint", script, "--format", "json").out)

    assert [one["cause"] for one in report["findings"]] == left
    assert report["notices"] == ([] if left else ["1 finding left out, as comments in the source ask for"])


def test_a_comment_in_a_text_or_in_another_statement_does_not(nandoctor: Command, script: Path) -> None:
    script.write_text(f'TEXT = "# nandoctor: ignore"\n# nandoctor: ignore\n{SICK}')

    assert nandoctor("lint", script).code == 1


def test_a_folder_is_looked_through_and_what_is_no_python_is_named(nandoctor: Command, tmp_path: Path) -> None:
    for name in ("pkg/a.py", "pkg/sub/b.py", "pkg/.hidden/c.py", "pkg/venv/d.py", "pkg/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(SICK)
    (tmp_path / "pkg/venv/pyvenv.cfg").write_text("")
    (tmp_path / "pkg/broken.py").write_text("import keras\nprint 'no Python 3'\n")

    report = json.loads(nandoctor("lint", tmp_path / "pkg", "--format", "json").out)

    found = {Path(one["location"]["file"]).name for one in report["findings"]}
    assert found == {"a.py", "b.py"}
    (notice,) = report["notices"]
    assert "broken.py was left out" in notice
    assert "line 2" in notice


def test_a_file_in_another_encoding_is_read(nandoctor: Command, script: Path) -> None:
    script.write_bytes(f"# -*- coding: latin-1 -*-\nNAME = 'é'\n{SICK}".encode("latin-1"))

    report = json.loads(nandoctor("lint", script, "--format", "json").out)

    assert report["findings"][1]["evidence"]["argument"] == "y_pred"


def test_a_notebook_that_was_saved_as_python_is_read(nandoctor: Command, script: Path) -> None:
    cells = "# %%\n!pip install keras\n%matplotlib inline\nif True:\n    !ls\n"
    script.write_text(f"{cells}{SICK}{SICK.partition('model')[0]}# nandoctor: ignore is for lines with code\n")

    report = json.loads(nandoctor("lint", script, "--format", "json").out)

    places = [(one["rule"], one["location"]["line"]) for one in report["findings"]]
    assert places == [("ND810", 17), ("ND801", 13), ("ND801", 25)]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nothing.py",), 3, "no such file or folder"),
        (("{folder}/empty",), 3, "no Python file"),
        (("{folder}/broken.py",), 3, "line 2"),
        (("{folder}/no_keras.py",), 3, "line 1"),
        (("{script}", "-q", "-v"), 2, "exclude each other"),
        (("{script}", "-o", "{script}"), 2, "this is an input"),
        (("{script}", "--data", "{folder}/run.json"), 3, "report on a script"),
        (("{script}", "--data", "{folder}/none.csv"), 3, "none.csv"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    nandoctor: Command, script: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    folder = script.parent
    (folder / "empty").mkdir()
    (folder / "broken.py").write_text("import keras\nprint 'no Python 3'\n")
    (folder / "no_keras.py").write_text("def f(:\n")
    (folder / "run.json").write_text('{"schema_version": 1, "subject": {"kind": "script", "path": "a.py"}}')
    script.rename(folder / "train.yaml" if "-o" in arguments else script)
    given = [one.replace("{folder}", str(folder)) for one in arguments]
    named = folder / "train.yaml" if "-o" in arguments else script

    outcome = nandoctor("lint", *(one.replace("{script}", str(named)) for one in given))

    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


def test_neither_tensorflow_nor_keras_is_loaded(script: Path) -> None:
    program = """
import sys
from nandoctor.cli.main import run
try:
    run()
finally:
    print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""
    command = [sys.executable, "-c", program, "lint", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert {"tensorflow", "keras", "tf_keras", "pandas", "duckdb", "cattrs"}.isdisjoint(done.stderr.split())
