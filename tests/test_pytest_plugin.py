from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.tensorflow

SETTINGS = """
fail-on = "warning"
ignore = ["constant-column"]
"""
TESTS = """
import keras
import numpy as np
import pytest

ROWS = np.random.default_rng(0).normal(size=(32, 4))

def model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

def train(label):
    model().fit(ROWS, np.full((32, 1), label), verbose=0)

@pytest.mark.parametrize("label", [1.0, np.nan])
def test_training(assert_finite_training, label):
    train(label)

def test_of_its_own(assert_finite_training):
    train(1.0)
    assert not "its own failure"

@pytest.fixture
def trained(assert_finite_training):
    train(np.nan)

def test_with_a_fixture_that_trains(trained):
    pass

@pytest.mark.parametrize("label", [1.0, np.nan])
def test_scan(nandoctor_scan, label):
    assert nandoctor_scan(model(), ROWS, labels=np.full((32, 1), label)).summary.verdict == "healthy"

def test_scan_of_unscaled_inputs(nandoctor_scan):
    nandoctor_scan(model(), ROWS * 1e4, labels=ROWS[:, :1])

def test_scan_of_nothing(nandoctor_scan):
    nandoctor_scan("nowhere.keras", "nowhere.npz")
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest prints of these tests, in a process of its own: pytest in pytest would load TensorFlow twice."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "test_training.py").write_text(TESTS)
    (folder / "nandoctor.toml").write_text(SETTINGS)
    command = [sys.executable, "-m", "pytest", "-p", "nandoctor.pytest_plugin", "-p", "no:cacheprovider", folder]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return done.stdout


def of(output: str, test: str) -> str:
    """What is told of the failure of one test."""
    (told,) = re.findall(rf"^_+ (?:ERROR at setup of )?{re.escape(test)} _+$(.*?)^(?=[_=]{{9}})", output, re.M | re.S)
    return str(told)


@pytest.mark.parametrize("test", ["test_training[nan]", "test_with_a_fixture_that_trains", "test_scan[nan]"])
def test_what_fails_shows_the_table_once_and_no_traceback(output: str, test: str) -> None:
    told = of(output, test)

    assert told.startswith("\nnandoctor: sick (1 error): ND101 nan-in-data\n\nnandoctor ")
    assert told.count("What to do about 1 (nan-in-data):") == 1
    assert not re.search(r"\.py:\d", told)
    assert "During handling" not in told


def test_the_report_names_the_test(output: str) -> None:
    assert ": test_training.py::test_training[nan] (script)\n" in of(output, "test_training[nan]")


def test_what_the_settings_say_counts(output: str) -> None:
    assert "nandoctor: at-risk (1 warning): ND107 unscaled-input" in of(output, "test_scan_of_unscaled_inputs")
    assert "constant-column" not in output


def test_what_cannot_be_examined_is_told_in_a_line(output: str) -> None:
    assert of(output, "test_scan_of_nothing") == "\nnandoctor: nowhere.npz: there is no such file\n"


def test_a_test_of_its_own_failure_keeps_it(output: str) -> None:
    assert 'assert not "its own failure"' in of(output, "test_of_its_own")
    assert "nandoctor:" not in of(output, "test_of_its_own")


def test_a_healthy_training_and_scan_pass(output: str) -> None:
    assert "5 failed, 2 passed" in output
    assert "1 error" in output.splitlines()[-1]
