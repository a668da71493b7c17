"""Watched trainings as they get to TensorBoard, and as they are without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nandoctor
from nandoctor.probes.watch import schedule, session
from nandoctor.probes.watch.recorder import STEPS
from nandoctor.probes.watch.start import Watching
from nandoctor.probes.watch.wanted import Wanted

pytestmark = pytest.mark.tensorflow

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(96, 6)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


@pytest.fixture
def at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The records are read as often as the training comes back from a step."""
    monkeypatch.setattr(session, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(schedule, "SECONDS_BETWEEN_READINGS", 0.0)
    monkeypatch.setattr(schedule, "SHARE_OF_READING", 1e9)


Watch = Callable[..., Watching]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    begun: list[Watching] = []

    def begin(**wanted: Any) -> Watching:
        watching = Watching("train.py", Wanted(capsules=tmp_path / "capsules", **wanted))
        watching.begin()
        begun.append(watching)
        return watching

    yield begin
    for one in begun:
        one.end()


def fitted(epochs: int = 2, steps_per_execution: int = 1, x: Any = X) -> Any:
    import keras

    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(5, "relu", name="hidden"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", steps_per_execution=steps_per_execution)
    model.fit(x, Y, batch_size=16, epochs=epochs, shuffle=False, verbose=0)
    return model


def looped(compiled: bool) -> Any:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh", name="hidden"), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.01)

    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x + tf.random.normal(tf.shape(x))) - y) ** 2)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    run = tf.function(step) if compiled else step
    for start in [*range(0, 96, 16)] * 2:
        run(tf.constant(X[start : start + 16]), tf.constant(Y[start : start + 16]))
    return model


TRAININGS: dict[str, Callable[[], Any]] = {
    "fit": fitted,
    "tf.function": lambda: looped(compiled=True),
    "eager loop": lambda: looped(compiled=False),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_the_weights_are_those_of_the_plain_training(
    name: str, watch: Watch, at_every_step: None, tmp_path: Path, read_board: Any
) -> None:
    plain = TRAININGS[name]().get_weights()

    watching = watch(tensorboard=tmp_path / "logs", check_up=4)
    watched = TRAININGS[name]().get_weights()
    watching.end()

    found = read_board(tmp_path / "logs")
    assert [one.tobytes() for one in watched] == [one.tobytes() for one in plain]
    assert found.steps("loss") == list(range(12))
    assert len(found.steps("activation/hidden")) >= 3
    assert "gradient_norm/hidden/kernel" in found.values
    assert "gradient/hidden/kernel" in found.values


def test_what_the_ring_has_lost_is_missing(watch: Watch, tmp_path: Path, read_board: Any) -> None:
    watching = watch(tensorboard=tmp_path / "logs", check_up="off")
    fitted(epochs=100)
    watching.end()

    assert read_board(tmp_path / "logs").steps("loss") == list(range(600 - STEPS, 600))


def test_all_steps_are_there_where_the_ring_is_read_often_enough(
    watch: Watch, at_every_step: None, tmp_path: Path, read_board: Any
) -> None:
    watching = watch(tensorboard=tmp_path / "logs")
    fitted(epochs=100, steps_per_execution=3)
    watching.end()

    assert read_board(tmp_path / "logs").steps("loss") == list(range(600))


@pytest.mark.parametrize("steps_per_execution", [1, 3])
def test_with_skip_it_goes_on_behind_the_steps_that_were_left_out(
    watch: Watch, tmp_path: Path, read_board: Any, steps_per_execution: int
) -> None:
    poisoned = X.copy()
    poisoned[50] = np.nan

    watching = watch(tensorboard=tmp_path / "logs", on_trip="skip")
    fitted(3, steps_per_execution, poisoned)
    watching.end()

    found = read_board(tmp_path / "logs")
    left_out = {3, 9, 15}
    not_looked_at = {4, 5, 10, 11, 16, 17} if steps_per_execution == 3 else set()
    finite = {step for step, value in found.values["gradient_norm"] if np.isfinite(value)}
    assert found.steps("loss") == sorted(set(range(18)) - not_looked_at)
    assert finite == set(range(18)) - left_out - not_looked_at


def test_each_optimizer_has_a_folder(tmp_path: Path, read_board: Any) -> None:
    import keras
    import tensorflow as tf

    weights = [keras.Variable([1.0, 2.0], name=name) for name in ("first", "second")]
    optimizers = [keras.optimizers.SGD(0.1), keras.optimizers.Adam(0.1)]

    @tf.function
    def step() -> None:
        for weight, optimizer in zip(weights, optimizers, strict=True):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(weight.value))
            optimizer.apply_gradients([(tape.gradient(loss, weight.value), weight)])

    with nandoctor.watch(tensorboard=tmp_path) as watched:
        for _ in range(4):
            step()

    assert watched.report is not None
    found = [read_board(folder) for folder in (tmp_path, tmp_path / "optimizer-2")]
    assert [one.text("optimizer") for one in found] == ["SGD", "Adam"]
    assert [one.steps("loss") for one in found] == [[0, 1, 2, 3]] * 2
    assert [one.scalars("learning_rate")[0] for one in found] == [pytest.approx(0.1)] * 2
    assert "gradient_norm/first" in found[0].values
    assert "gradient_norm/second" in found[1].values
    assert found[0].text("report").startswith("## nandoctor: healthy")


def test_what_the_block_raises_leaves_the_record(tmp_path: Path, read_board: Any) -> None:
    def training() -> None:
        with nandoctor.watch(tensorboard=tmp_path):
            fitted()
            raise ZeroDivisionError("the block's own")

    with pytest.raises(ZeroDivisionError, match="the block's own"):
        training()

    assert read_board(tmp_path).steps("loss") == list(range(12))


def test_without_it_no_histogram_is_taken(watch: Watch) -> None:
    watching = watch()
    fitted()
    watching.end()

    step = watching.facts().step
    assert step is not None
    assert all(one.activation.histogram is None for one in step.layers)
    assert all(one.stats is not None and one.stats.histogram is None for one in step.gradients)
