"""Many files, read by several processes."""

from __future__ import annotations

import sys
from collections import deque
from pathlib import Path

import pytest

from nandoctor.probes.source import abreast
from nandoctor.probes.source.abreast import Batch, read_all
from nandoctor.probes.source.read import Outcome, outcome_of

SICK = "import tensorflow as tf\ndef loss(y_true, y_pred):\n    return tf.math.log(y_pred)\n"
BROKEN = "import tensorflow as tf\nprint 'no Python 3'\n"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Sick files and broken ones, called as modules of Python that a process would load from its working folder."""
    names = ["ast.py", "pickle.py", "pathlib.py", *(f"model_{number}.py" for number in range(32))]
    paths = [tmp_path / name for name in names]
    for number, path in enumerate(paths):
        path.write_text(BROKEN if number % 7 == 6 else SICK)
    return paths


def test_other_processes_read_what_this_one_would(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files[0].parent)
    batches: list[Batch] = [(first, files[first : first + 10]) for first in (0, 10, 20, 30)]
    waiting, found = deque(batches), dict[int, list[Outcome]]()

    with abreast._others(waiting, found, False, 2):
        pass

    assert not waiting
    assert found == {first: [outcome_of(file) for file in batch] for first, batch in batches}


def test_the_order_is_that_of_the_files(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abreast, "_FILES_A_PROCESS", 10)

    outcomes = read_all(files)

    assert outcomes == [outcome_of(file) for file in files]
    assert [number for number, one in enumerate(outcomes) if isinstance(one, str)] == [6, 13, 20, 27, 34]


@pytest.mark.parametrize("executable", ["false", "no/such/program", ""])
def test_where_no_process_can_be_started_this_one_reads_all(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    monkeypatch.setattr(abreast, "_how_many", lambda _files: 3)
    monkeypatch.setattr(sys, "executable", executable)

    assert read_all(files) == [outcome_of(file) for file in files]
