"""`import nandoctor; with nandoctor.watch(): ...` in a notebook, a script or a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nandoctor

LIGHT = """
import sys
import nandoctor
print(sorted({"numpy", "tensorflow", "keras"} & set(sys.modules)))
with nandoctor.watch() as watched:
    print(sorted({"numpy", "tensorflow", "keras"} & set(sys.modules)))
print(watched.report.summary.verdict)
"""


def test_nothing_is_imported_for_it() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.splitlines() == ["[]", "[]", "healthy"]


def test_what_is_not_offered_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'wach'"):
        nandoctor.wach  # noqa: B018


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
    return x, np.abs(x[:, :1])


@pytest.fixture
def poisoned(data: tuple[Any, Any]) -> tuple[Any, Any]:
    x, y = data
    y = y.copy()
    y[50] = np.nan
    return x, y


def trained(model: Any, data: tuple[Any, Any]) -> None:
    model.fit(*data, batch_size=16, verbose=0, shuffle=False)


@pytest.fixture
def model(data: tuple[Any, Any]) -> Any:
    """A model that has been trained, and traced, before anybody watches."""
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    trained(model, data)
    return model


def finite(model: Any) -> bool:
    return all(np.isfinite(value).all() for value in model.get_weights())


@pytest.mark.tensorflow
def test_a_healthy_training_leaves_a_report(model: Any, data: tuple[Any, Any]) -> None:
    with nandoctor.watch() as watched:
        trained(model, data)

    assert watched.report is not None
    assert watched.report.subject.kind == "script"
    assert watched.report.summary.error == 0


@pytest.mark.tensorflow
def test_a_sick_training_is_stopped_and_raises_its_report(
    model: Any, poisoned: tuple[Any, Any], tmp_path: Path
) -> None:
    def training() -> None:
        with nandoctor.watch(capsule_dir=tmp_path):
            trained(model, poisoned)
            raise AssertionError("the training was not stopped")

    with pytest.raises(nandoctor.TrainingError) as stopped:
        training()

    assert finite(model)
    assert (stopped.value.report.findings[0].location.step, stopped.value.report.summary.verdict) == (3, "sick")
    assert "Verdict: sick" in str(stopped.value)
    assert [folder.name[-6:] for folder in tmp_path.iterdir()] == ["step-3"]


@pytest.mark.tensorflow
def test_with_skip_the_training_goes_on(model: Any, poisoned: tuple[Any, Any], tmp_path: Path) -> None:
    with nandoctor.watch(on_trip="skip", capsule_dir=tmp_path, fail_on="never") as watched:
        trained(model, poisoned)

    assert finite(model)
    assert watched.report is not None
    assert watched.report.summary.verdict == "sick"
    assert "The weights were not updated at 1 step: 3." in watched.report.notices


@pytest.mark.tensorflow
def test_outside_of_the_block_everything_is_as_it_was(model: Any, poisoned: tuple[Any, Any], tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    def methods() -> list[Any]:
        return [keras.Model.fit, keras.Model.compute_loss, keras.optimizers.SGD.apply, tf.GradientTape.gradient]

    def training() -> None:
        with nandoctor.watch(capsule_dir=tmp_path):
            trained(model, (poisoned[0][:32], poisoned[1][:32]))
            assert methods() != before
            raise ZeroDivisionError("the block's own")

    before = methods()
    with pytest.raises(ZeroDivisionError, match="the block's own"):
        training()

    assert methods() == before
    trained(model, poisoned)
    assert not finite(model)


@pytest.mark.tensorflow
def test_a_function_that_was_traced_before_is_named_and_left_alone() -> None:
    import tensorflow as tf

    weight, traced = tf.Variable(1.0), []

    @tf.function
    def doubled(x: Any) -> Any:
        return 2.0 * x

    @tf.function
    def train_step(x: Any) -> None:
        traced.append(x)
        with tf.GradientTape() as tape:
            loss = tf.square(weight * doubled(x))
        weight.assign_sub(0.01 * tape.gradient(loss, weight))

    train_step(tf.constant(1.0))
    with nandoctor.watch() as watched:
        train_step(tf.constant(2.0))
        doubled(tf.constant(2.0))

    assert watched.report is not None
    (told,) = [one for one in watched.report.notices if one.startswith("Not watched")]
    line = train_step.python_function.__code__.co_firstlineno
    assert told.startswith(f"Not watched: the steps of train_step (test_watch.py:{line}), as traced before")
    assert len(traced) == 1
