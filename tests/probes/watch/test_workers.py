"""A training on two worker processes: they stop together, and each says whose step it was."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

PROGRAM = "from nandoctor.cli.main import run; run()"
DATA = """
import numpy as np, tensorflow as tf
index = tf.distribute.cluster_resolver.TFConfigClusterResolver().task_id
tf.keras.utils.set_random_seed(1)
x = np.random.default_rng(index).uniform(0.5, 2.0, size=(80, 4)).astype("float32")
x[33, 2] = -1.0 if index == 1 else 1.0
strategy = tf.distribute.MultiWorkerMirroredStrategy()
"""
LOOP = f"""{DATA}
import keras
with strategy.scope():
    kernel = tf.Variable(tf.ones([4, 1]), name="kernel")
    optimizer = keras.optimizers.SGD(0.01)
    optimizer.build([kernel])

def step(rows):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.math.log(rows) @ kernel)
    optimizer.apply_gradients([(tape.gradient(loss, kernel), kernel)])

@tf.function
def together(rows):
    strategy.run(step, args=(rows,))

for first in range(0, 80, 8):
    together(tf.constant(x[first : first + 8]))
"""
FIT = f"""{DATA}
def error(wanted, predicted):
    return tf.reduce_mean(tf.square(tf.math.log(wanted) - predicted))

options = tf.data.Options()
options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
rows = tf.data.Dataset.from_tensor_slices((x, x[:, 2:3])).batch(16).with_options(options)
with strategy.scope():
    model = tf.keras.Sequential([tf.keras.layers.Input((4,)), tf.keras.layers.Dense(1)])
    model.compile(tf.keras.optimizers.SGD(0.01), error)
model.fit(rows, epochs=1, verbose=0)
"""


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.mark.parametrize(("script", "legacy"), [(LOOP, "0"), (FIT, "1")], ids=["custom loop", "fit of tf-keras"])
def test_all_workers_stop_at_the_step_that_was_not_finite_on_one(tmp_path: Path, script: str, legacy: str) -> None:
    (tmp_path / "train.py").write_text(script)
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    running = []
    for index in (0, 1):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        command = [sys.executable, "-c", PROGRAM, "run", "--format", "json", "--capsule-dir", f"capsules-{index}"]
        environment = {**os.environ, "TF_CONFIG": json.dumps(cluster), "TF_USE_LEGACY_KERAS": legacy}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen([*command, "train.py"], cwd=tmp_path, env=environment, **pipes))
    told = [one.communicate(timeout=240) for one in running]
    reports = [json.loads(out) for out, _ in told]

    assert [one.returncode for one in running] == [1, 1], told
    chief, worker = (report["findings"][0] for report in reports)
    # What the worker has found out is told to the chief.
    assert {key: chief[key] for key in ("cause", "location")} == {key: worker[key] for key in ("cause", "location")}
    for report in reports:
        trip = report["run"]["trip"]
        assert (trip["worker"], trip["replica"], trip["step"]) == (1, 0, 4)
    assert "Worker 1 found this, and keeps the step: here it was finite." in reports[0]["notices"]
    assert [path.name for path in tmp_path.glob("capsules-*")] == ["capsules-1"]
    assert worker["location"]["step"] == 4
    assert worker["cause"] == "log-of-negative"
    assert worker["location"]["rows"] == [1]
    assert worker["location"]["dataset_rows"] == ([33] if legacy == "1" else None)
