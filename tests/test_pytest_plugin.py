from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

TESTS = """
import keras
import numpy as np
import pytest

@pytest.mark.parametrize("label", [1.0, np.nan])
def test_training(assert_finite_training, label):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((32, 4)), np.full((32, 1), label), verbose=0)
"""


def test_a_test_whose_training_turns_non_finite_fails_with_the_report(tmp_path: Path) -> None:
    (tmp_path / "test_training.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "nandoctor.pytest_plugin", "-p", "no:cacheprovider", tmp_path]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "TrainingError" in done.stdout
    assert "nan-in-data" in done.stdout
    assert "FAILED test_training.py::test_training[nan]" in done.stdout
    assert "ERROR test_training.py::test_training[1.0]" not in done.stdout
