"""`--tensorboard DIR`, as TensorBoard's own reader finds what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.facts.store import parse_facts

NANDOCTOR = "from nandoctor.cli.main import run; run()"
TRAIN = """
import sys
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(3)
model = keras.Sequential([
    keras.Input((8,)),
    keras.layers.Dense(16, "relu", name="hidden", kernel_regularizer="l2"),
    keras.layers.Dropout(0.2),
    keras.layers.Dense(1, name="head"),
])
model.compile("sgd", "mse")
x = np.random.default_rng(0).normal(size=(320, 8)).astype("float32")
y = np.abs(x[:, :1])
if "sick" in sys.argv:
    x[231, 2] = np.nan
with tf.summary.create_file_writer("own").as_default(step=5):
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    tf.summary.scalar("mine", 1.0)
    tf.summary.text("step", str(tf.summary.experimental.get_step()))
print([value.tobytes().hex() for value in (*model.get_weights(), np.random.normal(size=3))])
"""


def nandoctor(folder: Path, *arguments: object, program: tuple[str, ...] = ("-c", NANDOCTOR)) -> Any:
    command = [sys.executable, *program, *map(str, arguments)]
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    (folder / "train.py").write_text(TRAIN)
    return folder


@pytest.mark.parametrize("command", [("run", "train.py"), ("scan", "model.keras", "x.npz"), ("replay", "capsule")])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_done(
    folder: Path, command: tuple[str, ...]
) -> None:
    name, *arguments = command

    done = nandoctor(folder, name, "--tensorboard", "train.py/logs", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nandoctor: train.py/logs: cannot write for TensorBoard: Not a directory\n"


@pytest.fixture(scope="module")
def healthy(folder: Path) -> Any:
    options = ("--verbose", "-o", "healthy.md", "--save-facts", "healthy.json", "--tensorboard", "healthy")
    return nandoctor(folder, "run", *options, "train.py")


@pytest.mark.tensorflow
def test_a_healthy_run_is_there_step_by_step(folder: Path, healthy: Any, read_board: Any) -> None:
    found = read_board(folder / "healthy")

    facts = parse_facts((folder / "healthy.json").read_text())
    assert facts.run is not None
    (history,) = (one.history for one in facts.run.optimizers)
    assert history is not None
    assert healthy.returncode == 0
    assert found.steps("loss") == list(range(20))
    assert found.scalars("loss") == list(history.loss)
    assert found.scalars("learning_rate") == list(history.learning_rate)
    assert found.scalars("gradient_norm") == rounded(history.gradient_norm)
    for name, values in history.gradient_norms.items():
        assert found.scalars(f"gradient_norm/{name.removeprefix('sequential/')}") == rounded(values)
    for name, values in history.terms.items():
        assert found.scalars(f"loss_term/{name}") == rounded(values)
    assert found.steps("update_ratio/hidden/kernel") == [1]
    assert found.scalars("update_ratio/head/bias") == rounded(history.updates["sequential/head/bias"][1:2])


@pytest.mark.tensorflow
def test_its_check_ups_are_there_with_all_elements(folder: Path, healthy: Any, read_board: Any) -> None:
    found = read_board(folder / "healthy")

    facts = parse_facts((folder / "healthy.json").read_text())
    assert facts.run is not None
    assert facts.step is not None
    sizes = {
        **{f"activation/{one.layer}": one.activation.count for one in facts.step.layers},
        **{f"gradient/{one.variable}": int(np.prod(one.shape)) for one in facts.step.gradients},
    }
    assert facts.run.check_ups == (0, 19)
    assert {tag for tag, plugin in found.plugins.items() if plugin == "histograms"} == set(sizes)
    for tag, size in sizes.items():
        assert [(step, buckets[:, 2].sum()) for step, buckets in found.values[tag]] == [(0, size), (19, size)]
    assert found.scalars("headroom/activation/hidden")[1] == pytest.approx(
        next(one for one in facts.step.layers if one.layer == "hidden").activation.headroom("float32"), rel=1e-6
    )
    assert found.text("report") == (folder / "healthy.md").read_text()


@pytest.mark.tensorflow
def test_weights_and_the_scripts_own_summaries_are_those_of_the_plain_run(
    folder: Path, healthy: Any, read_board: Any, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(TRAIN)

    plain = nandoctor(tmp_path, "train.py", program=())

    assert healthy.stdout.splitlines()[0] == plain.stdout.splitlines()[0]
    ours, theirs = read_board(folder / "own"), read_board(tmp_path / "own")
    assert ours.values == theirs.values
    assert ours.steps("mine") == [5]
    assert ours.text("step") == "5"


@pytest.mark.tensorflow
def test_a_run_that_trips_is_there_up_to_its_trip_and_so_is_its_replay(folder: Path, read_board: Any) -> None:
    capsules = folder / "capsules"
    options = ("--format", "json", "-o", "sick.md", "--capsule-dir", capsules, "--tensorboard", "sick")
    done = nandoctor(folder, "run", *options, "train.py", "sick")
    (capsule,) = capsules.iterdir()
    again = nandoctor(folder, "replay", "-o", "again.md", "--tensorboard", "again", capsule)

    found, replayed = read_board(folder / "sick"), read_board(folder / "again")
    assert (done.returncode, again.returncode) == (1, 1)
    trip = json.loads(done.stdout)["run"]["trip"]
    assert trip["step"] == 7
    assert found.steps("loss") == replayed.steps("loss") == list(range(8))
    np.testing.assert_array_equal(found.scalars("loss"), replayed.scalars("loss"))
    assert np.isnan(found.scalars("gradient_norm/hidden/kernel")[7])
    assert np.isnan(replayed.scalars("gradient_norm/hidden/kernel")[7])
    assert found.values["nonfinite/activation/head"] == [(7, 1.0)]
    assert [(step, buckets[:, 2].sum()) for step, buckets in found.values["activation/head"]] == [(0, 32), (7, 31)]
    assert [(step, buckets[:, 2].sum()) for step, buckets in replayed.values["activation/head"]] == [(7, 31)]
    assert found.text("report") == (folder / "sick.md").read_text()
    assert replayed.text("report") == (folder / "again.md").read_text()


@pytest.mark.tensorflow
def test_a_disk_that_is_full_does_not_end_the_training(folder: Path, healthy: Any) -> None:
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)); {NANDOCTOR}"

    done = nandoctor(folder, "run", "--tensorboard", "full", "train.py", program=("-c", limited))

    told = [line for line in done.stderr.splitlines() if "TensorBoard" in line]
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == healthy.stdout.splitlines()[0]
    assert len(told) == 1
    assert told[0].startswith(f"nandoctor: {folder}/full: nothing more is written for TensorBoard: ")


MIRRORED = """
import tensorflow as tf

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
import keras
import numpy as np

keras.utils.set_random_seed(3)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
with strategy.scope():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="head")])
    model.compile("adam", "mse")
model.fit(x, x[:, :1], batch_size=16, verbose=0)
print([value.tobytes().hex() for value in model.get_weights()])
"""


@pytest.mark.tensorflow
def test_each_replica_has_a_folder(tmp_path: Path, read_board: Any) -> None:
    (tmp_path / "train.py").write_text(MIRRORED)

    plain = nandoctor(tmp_path, "train.py", program=())
    done = nandoctor(tmp_path, "run", "--tensorboard", "logs", "train.py")

    first, second = (read_board(tmp_path / "logs" / part) for part in ("", "replica-2"))
    assert (done.returncode, done.stdout) == (0, plain.stdout)
    assert first.steps("loss") == second.steps("loss") == [0, 1, 2, 3]
    assert first.scalars("loss") != second.scalars("loss")
    assert [(step, buckets[:, 2].sum()) for step, buckets in first.values["activation/head"]] == [(0, 8), (3, 8)]
    assert first.text("report").startswith("## nandoctor: healthy")
    assert "report" not in second.values


@pytest.mark.tensorflow
def test_a_scan_is_there(tmp_path: Path, read_board: Any) -> None:
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, "tanh", name="hidden"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(80, 4)).astype("float32")
    np.savez(tmp_path / "data.npz", x=x, y=x[:, :1])
    options = ("--labels", "y", "-o", "scan.md", "--save-facts", "facts.json", "--tensorboard", "logs")

    done = nandoctor(tmp_path, "scan", "model.keras", "data.npz", *options)

    found = read_board(tmp_path / "logs")
    facts = parse_facts((tmp_path / "facts.json").read_text())
    assert facts.step is not None
    assert done.returncode == 0
    assert found.steps("loss") == [0, 1, 2]
    assert found.scalars("loss") == rounded(facts.step.losses)
    norms = {one.variable: one.norm for one in facts.step.gradients}
    assert {tag: found.scalars(f"gradient_norm/{tag}") for tag in norms} == {
        name: rounded([norm]) for name, norm in norms.items()
    }
    assert [(step, buckets[:, 2].sum()) for step, buckets in found.values["activation/hidden"]] == [(0, 80 * 6)]
    assert [(step, buckets[:, 2].sum()) for step, buckets in found.values["gradient/hidden/kernel"]] == [(0, 3 * 24)]
    assert found.text("report") == (tmp_path / "scan.md").read_text()


def rounded(values: Any) -> list[float]:
    """As float32, which TensorBoard holds."""
    return [float(np.float32(value)) for value in values]
