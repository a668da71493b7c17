from __future__ import annotations

import os
from pathlib import Path

import pytest

from nandoctor.probes.trials.apart import run_apart
from nandoctor.probes.trials.attempt import Attempt
from nandoctor.probes.trials.settings import Setting
from nandoctor.probes.watch.script import Program

TRAINING = """import sys
import keras
import numpy as np

print("much")
keras.utils.set_random_seed(1)
x = np.ones((64, 1), "float32")
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.SGD(float(sys.argv[1])), loss="mse")
model.fit(x, 2 * x, batch_size=1, epochs=5, verbose=0)
"""


@pytest.mark.tensorflow
def test_a_training_with_a_change_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(TRAINING)

    ran = run_apart(Attempt(Program("train.py", ("0.5",)), 7, setting=Setting("learning-rate", value=0.1)), 120)

    assert (ran.failure, ran.raised) == (None, None)
    assert ran.facts is not None
    assert ran.facts.run is not None
    assert ran.facts.run.steps == 7
    (optimizer,) = ran.facts.run.optimizers
    assert optimizer.history is not None
    assert optimizer.history.learning_rate[0] == pytest.approx(0.05)
    assert os.listdir() == ["train.py"]


def test_what_is_not_over_in_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wait.py").write_text("import time\ntime.sleep(60)\n")

    ran = run_apart(Attempt(Program("wait.py")), 1.0)

    assert (ran.facts, ran.failure) == (None, "it was not over after 1 s")


def test_a_process_that_dies_and_a_script_that_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dies.py").write_text("import os, sys\nprint('no more', file=sys.stderr, flush=True)\nos._exit(3)\n")
    Path("raises.py").write_text("raise ValueError\n")

    dead, raised = (run_apart(Attempt(Program(name)), 60) for name in ("dies.py", "raises.py"))

    assert dead.failure == "its process ended without a result: no more"
    assert (raised.failure, raised.raised) == (None, "ValueError")
