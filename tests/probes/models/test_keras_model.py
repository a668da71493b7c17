"""Keras 3 models whatever the user's settings of Keras are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tensorflow

LOAD = """
import sys
from pathlib import Path
{first}
from nandoctor.errors import NandoctorError
from nandoctor.probes.models.load import load_subject
try:
    print(load_subject(Path(sys.argv[1])).format)
except NandoctorError as error:
    print(error.message)
"""


def output(path: Path, *, first: str) -> str:
    """What a process prints that loads `path` while the user's Keras is set to another backend."""
    return subprocess.run(
        [sys.executable, "-c", LOAD.format(first=first), str(path)],
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_keras_is_put_on_tensorflow(keras_file: Any) -> None:
    assert output(keras_file.path, first="") == ".keras file"


def test_keras_that_already_runs_on_something_else_is_refused(keras_file: Any) -> None:
    pytest.importorskip("scipy", reason="Keras on numpy needs scipy")
    pytest.importorskip("jax", reason="Keras on numpy needs jax")
    assert output(keras_file.path, first="import keras").endswith("set KERAS_BACKEND=tensorflow")
