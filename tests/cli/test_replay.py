"""`nandoctor replay`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.diagnosis.diagnose import diagnose
from nandoctor.facts import Facts, RunFacts, TripFacts
from nandoctor.finding import Tool
from nandoctor.probes.watch.capsule import write_capsule
from nandoctor.probes.watch.capture import StepCapture

Command = Any

RUN = "from nandoctor.cli.main import run; run()"

FACTS = Facts(
    Tool("nandoctor", "1", "2.21.0", "3.15.1", "3.11"), run=RunFacts("train.py", 4, trip=TripFacts("loss", 3))
)


def test_what_is_no_capsule_is_one_line_and_exit_code_3(nandoctor: Command, tmp_path: Path) -> None:
    outcome = nandoctor("replay", tmp_path / "nothing")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == f"nandoctor: {tmp_path}/nothing: no capsule; name the folder that `nandoctor run` wrote\n"


@pytest.mark.tensorflow
def test_a_graph_that_is_none_is_one_line_and_exit_code_3(nandoctor: Command, tmp_path: Path) -> None:
    folder = write_capsule(tmp_path / "capsule", StepCapture(b"\xff\xff", (), (), ()), FACTS)
    outcome = nandoctor("replay", folder)
    assert (outcome.code, outcome.out) == (3, "")
    told = outcome.err.splitlines()[-1]
    assert told == f"nandoctor: {folder}: the graph of the step is damaged: it is no GraphDef"


SCRIPT = """
import sys
import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
x[123, 2] = np.nan
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, x[:, :1] * 0, batch_size=32, epochs=2, verbose=0)
"""


@pytest.mark.tensorflow
def test_a_run_that_failed_is_replayed_with_the_same_findings_and_resumed(tmp_path: Path) -> None:
    import keras

    (tmp_path / "train.py").write_text(SCRIPT)
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}

    def nandoctor(*arguments: str) -> Any:
        command = [sys.executable, "-c", RUN, *arguments]
        secret = environment | {"API_TOKEN": "planted-in-the-environment"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=secret)
        assert done.returncode == 1, done.stderr
        return json.loads(done.stdout)

    run = nandoctor("run", "--format", "json", "train.py", "--password", "planted-argument")
    (folder,) = (tmp_path / ".nandoctor").iterdir()
    (tmp_path / "train.py").unlink()
    replayed = nandoctor("replay", str(folder), "--format", "json")

    assert replayed["findings"] == run["findings"]
    first = run["findings"][0]
    assert (first["cause"], first["location"]["dataset_rows"]) == ("nan-in-data", [123])
    assert b"planted" not in b"".join(path.read_bytes() for path in folder.iterdir())
    assert np.isnan(np.load(folder / "minimal-rows.npz")["input_0"]).sum() == 1

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
    model.load_weights(folder / "last-good.weights.h5")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.tensorflow
def test_in_another_process_the_findings_are_the_same(captured: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    from nandoctor.probes.watch.failure import facts_of

    def loss(weight: Any, x: Any, y: Any) -> Any:
        return tf.reduce_mean(tf.math.log(tf.linalg.matvec(x, weight)) * y)

    x = np.array([[1, 2], [3, 4], [-1, -9], [5, 6]], np.float32)
    line = (str(tmp_path / "gone.py"), 7, "my_loss", "return tf.math.log(x @ w)")
    capture = captured(loss, x, np.ones(4, np.float32), np.ones(2, np.float32), line)
    expected = diagnose(facts_of(capture, FACTS))
    folder = write_capsule(tmp_path / "capsule", capture, FACTS)

    command = [sys.executable, "-c", RUN, "replay", str(folder), "--format", "json"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)

    assert (done.returncode, done.stderr) == (1, "")
    report = json.loads(done.stdout)
    assert [one["cause"] for one in report["findings"]] == [one.cause for one in expected.findings]
    assert [one["message"] for one in report["findings"]] == [one.message for one in expected.findings]
    assert report["findings"][0]["location"]["line"] == 7
    assert report["findings"][0]["location"]["code"] == "return tf.math.log(x @ w)"
    assert report["findings"][0]["location"]["rows"] == [2]


@pytest.mark.tensorflow
@pytest.mark.parametrize(("options", "verdict"), [((), "untried"), (("--treat",), "verified")])
def test_remedies_are_tried_if_that_is_asked_for(
    nandoctor: Command, captured: Any, tmp_path: Path, options: tuple[str, ...], verdict: str
) -> None:
    import tensorflow as tf

    def loss(weight: Any, x: Any, _y: Any) -> Any:
        return tf.reduce_mean(tf.math.log(x * weight))

    x = np.array([[1.0, 2.0], [0.0, 1.0], [3.0, 1.0]], np.float32)
    line = ("train.py", 12, "my_loss", "return tf.reduce_mean(tf.math.log(x * weight))")
    capture = captured(loss, x, np.zeros(3, np.float32), np.ones(2, np.float32), line)

    outcome = nandoctor("replay", write_capsule(tmp_path / "capsule", capture, FACTS), "--format", "json", *options)

    (remedy,) = json.loads(outcome.out)["findings"][0]["remedies"]
    assert (outcome.code, remedy["id"], remedy["verdict"]) == (1, "clip-argument", verdict)
    assert remedy["trial"].get("rows_unchanged") == (2 if options else None)
