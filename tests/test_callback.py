"""`model.fit(x, y, callbacks=[nandoctor.Watch()])`, of Keras 3 and of tf-keras."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nandoctor

pytestmark = pytest.mark.tensorflow

Data = tuple[Any, Any]
Building = Callable[[], Any]

IN_TF_KERAS = """
import sys
import numpy as np
import tensorflow as tf
import nandoctor

x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
y = np.abs(x[:, :1])

def trained(y, *callbacks):
    tf.keras.utils.set_random_seed(1)
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Dense(8, "tanh"), layers.BatchNormalization(), layers.Dropout(0.5),
                                 layers.Dense(1)])
    model.compile("adam", "mse")
    try:
        model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=list(callbacks))
    except nandoctor.TrainingError as error:
        print(error.report.summary.verdict, error.report.findings[0].cause)
    return model.get_weights()

assert tf.keras.Model.__module__.startswith("tf_keras")
healthy = nandoctor.Watch()
print(all(map(np.array_equal, trained(y), trained(y, healthy))), healthy.report.summary.verdict)
print(all(np.isfinite(one).all() for one in trained(np.where(np.arange(96)[:, None] == 50, np.nan, y),
                                                    nandoctor.Watch(capsule_dir=sys.argv[1]))))
"""


@pytest.fixture(scope="module")
def data() -> Data:
    x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
    return x, np.abs(x[:, :1])


@pytest.fixture
def poisoned(data: Data) -> Data:
    x, y = data
    y = y.copy()
    y[50] = np.nan
    return x, y


@pytest.fixture
def build() -> Building:
    """Models that all begin with the same weights."""
    import keras

    def built() -> Any:
        keras.utils.set_random_seed(1)
        layers = [keras.layers.Dense(8, "tanh"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
        model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1)])
        model.compile("adam", "mse")
        return model

    return built


def fitted(model: Any, data: Data, *callbacks: Any) -> Any:
    return model.fit(*data, batch_size=16, epochs=2, verbose=0, shuffle=False, callbacks=list(callbacks))


def same(one: Any, other: Any) -> bool:
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def finite(model: Any) -> bool:
    return all(np.isfinite(value).all() for value in model.get_weights())


def test_it_guards_the_fit_that_it_is_made_in(build: Building, poisoned: Data, tmp_path: Path) -> None:
    model = build()

    with pytest.raises(nandoctor.TrainingError) as stopped:
        model.fit(*poisoned, batch_size=16, verbose=0, shuffle=False, callbacks=[nandoctor.Watch(capsule_dir=tmp_path)])

    first = stopped.value.report.findings[0]
    assert (first.cause, first.location.step, first.location.dataset_rows) == ("nan-in-data", 3, (50,))
    assert finite(model)
    assert [folder.name[-6:] for folder in tmp_path.iterdir()] == ["step-3"]


def test_a_healthy_training_is_bit_for_bit_what_it_is_without(build: Building, data: Data) -> None:
    plain, watched, callback = build(), build(), nandoctor.Watch()
    fitted(plain, data)

    history = fitted(watched, data, callback)

    assert callback.report is not None
    assert callback.report.summary.verdict == "healthy"
    assert callback.report.run is not None
    assert callback.report.run.steps == 12
    assert same(plain, watched)
    assert len(history.history["loss"]) == 2


def test_what_was_traced_before_is_guarded(build: Building, data: Data, poisoned: Data, tmp_path: Path) -> None:
    model = build()
    fitted(model, data)

    with pytest.raises(nandoctor.TrainingError):
        fitted(model, poisoned, nandoctor.Watch(capsule_dir=tmp_path))

    assert finite(model)


def test_with_skip_the_training_goes_on(build: Building, poisoned: Data, tmp_path: Path) -> None:
    model = build()
    callback = nandoctor.Watch(on_trip="skip", capsule_dir=tmp_path, fail_on="never")

    fitted(model, poisoned, callback)

    assert callback.report is not None
    assert "The weights were not updated at 2 steps: 3, 9." in callback.report.notices
    assert finite(model)


def test_in_a_watched_run_it_does_nothing(
    build: Building, data: Data, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model, callback = build(), nandoctor.Watch(capsule_dir=tmp_path)

    with nandoctor.watch() as watched:
        fitted(model, data, callback)

    assert callback.report is None
    assert watched.report is not None
    assert watched.report.run is not None
    assert watched.report.run.steps == 12
    assert "not watched" not in capsys.readouterr().err


def test_after_any_end_of_fit_everything_is_as_it_was(build: Building, data: Data, poisoned: Data) -> None:
    import keras
    import tensorflow as tf

    class Interrupting(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            raise KeyboardInterrupt

    def methods() -> list[Any]:
        return [keras.Model.fit, keras.Model.compute_loss, keras.optimizers.Adam.apply, tf.GradientTape.gradient]

    model, callback = build(), nandoctor.Watch()
    before = methods()
    with pytest.raises(KeyboardInterrupt):
        fitted(model, data, callback, Interrupting())

    assert methods() == before
    assert callback.report is None
    fitted(model, poisoned)
    assert not finite(model)


def test_what_is_not_the_fit_of_keras_is_told(build: Building, capsys: pytest.CaptureFixture[str]) -> None:
    import keras

    keras.callbacks.CallbackList([nandoctor.Watch()], model=build()).on_train_begin()

    told = "nandoctor: not watched, since this is not the fit of Keras; use `with nandoctor.watch():`\n"
    assert capsys.readouterr().err == told


def test_it_does_the_same_in_tf_keras(tmp_path: Path) -> None:
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1"}
    command = [sys.executable, "-c", IN_TF_KERAS, str(tmp_path)]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == ["True healthy", "sick nan-in-data", "True"], done.stderr[-2000:]
