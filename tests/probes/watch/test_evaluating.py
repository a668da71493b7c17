"""evaluate, predict and validation that turn non-finite: the op, the batch and the rows, however they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor import api
from nandoctor.finding import Finding, Report

pytestmark = pytest.mark.tensorflow

RANDOM = np.random.default_rng(3)
X = RANDOM.uniform(0.5, 2.0, size=(64, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
UNSEEN = RANDOM.uniform(0.5, 2.0, size=(48, 3)).astype("float32")
UNSEEN[29, 1] = 0.0
SEEN = Y[:48]


def logarithm(keras: Any, **compiled: Any) -> Any:
    """A model that takes the logarithm of its input."""
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    layers = [keras.layers.Input((3,)), keras.layers.Lambda(tf.math.log, name="log"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse", **compiled)
    return model


def watched(train: Callable[[], object], folder: Path) -> Report:
    with api.watch(capsule_dir=folder, fail_on="never") as found:
        train()
    assert found.report is not None
    return found.report


def located(finding: Finding) -> tuple[Any, ...]:
    place = finding.location
    return (finding.cause, [one.cause for one in finding.consequences], place.batch, place.rows, place.dataset_rows)


FOUND = ("log-of-zero", ["val-only-nonfinite"], 1, (13,), (29,))


@pytest.fixture
def keras() -> Any:
    import keras

    return keras


def rows(size: int = 16) -> Any:
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((UNSEEN, SEEN)).batch(size)


def generator() -> Iterator[Any]:
    for first in range(0, 48, 16):
        yield UNSEEN[first : first + 16], SEEN[first : first + 16]


WAYS: dict[str, tuple[dict[str, Any], Callable[[Any], object], tuple[Any, ...]]] = {
    "evaluate on tf.data": ({}, lambda model: model.evaluate(rows(), verbose=0), FOUND),
    "evaluate on a generator": ({}, lambda model: model.evaluate(generator(), verbose=0), (*FOUND[:4], None)),
    "predict on tf.data": ({}, lambda model: model.predict(rows().map(lambda x, _: x), verbose=0), FOUND),
    "the last part of what fit was given": (
        {},
        lambda model: model.fit(UNSEEN, SEEN, validation_split=0.5, batch_size=8, verbose=0),
        (*FOUND[:2], 0, (5,), (29,)),
    ),
    "several batches an execution": (
        {"steps_per_execution": 2},
        lambda model: model.evaluate(UNSEEN, SEEN, batch_size=16, verbose=0),
        FOUND,
    ),
    "compiled by XLA": (
        {"jit_compile": True},
        lambda model: model.evaluate(UNSEEN, SEEN, batch_size=16, verbose=0),
        FOUND,
    ),
    "predict, compiled by XLA": (
        {"jit_compile": True},
        lambda model: model.predict(UNSEEN, batch_size=16, verbose=0),
        FOUND,
    ),
    "eagerly": (
        {"run_eagerly": True},
        lambda model: model.evaluate(UNSEEN, SEEN, batch_size=16, verbose=0),
        FOUND,
    ),
    "predict, eagerly": ({"run_eagerly": True}, lambda model: model.predict(UNSEEN, batch_size=16, verbose=0), FOUND),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_first_bad_batch_is_found_and_its_capsule_says_the_same(way: str, keras: Any, tmp_path: Path) -> None:
    compiled, evaluate, expected = WAYS[way]

    report = watched(lambda: evaluate(logarithm(keras, **compiled)), tmp_path)

    first = report.findings[0]
    assert located(first) == expected
    assert (first.location.layer, first.location.step) == ("log", None)
    assert first.chain == ("nonfinite-outputs", "val-only-nonfinite", "log-of-zero")
    (capsule,) = tmp_path.iterdir()
    again = api.replay(capsule).findings[0]
    assert (again.cause, again.location, again.message) == (first.cause, first.location, first.message)


def test_tf_keras(tmp_path: Path) -> None:
    import tf_keras

    def train() -> None:
        logarithm(tf_keras).fit(X, Y, validation_data=(UNSEEN, SEEN), batch_size=16, verbose=0)

    first = watched(train, tmp_path).findings[0]

    assert located(first) == FOUND
    assert (first.location.layer, first.location.epoch) == ("log", 0)


def test_a_test_step_of_the_users_own_that_has_no_compiled_loss(keras: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(1, name="dense")

        def call(self, x: Any) -> Any:
            return self.dense(tf.math.log(x))

        def test_step(self, data: Any) -> dict[str, Any]:
            x, y = data
            return {"error": tf.reduce_mean(tf.abs(self(x, training=False) - y))}

    def train() -> None:
        model = Own()
        model.compile("adam", "mse")
        # Keras gives back what the step gave last.
        model.evaluate(UNSEEN[:32], SEEN[:32], batch_size=16, verbose=0)

    (first, *_) = watched(train, tmp_path).findings

    assert (first.cause, first.location.batch, first.location.dataset_rows) == ("log-of-zero", 1, (29,))
    assert first.location.function == "call"


def test_a_model_that_was_evaluated_before_the_watch_began(keras: Any, tmp_path: Path) -> None:
    model = logarithm(keras)
    assert not np.isfinite(model.evaluate(UNSEEN, SEEN, verbose=0))

    report = watched(lambda: model.evaluate(UNSEEN, SEEN, batch_size=16, verbose=0), tmp_path)

    assert located(report.findings[0]) == FOUND


def test_the_row_that_was_not_finite_before_the_model_saw_it(keras: Any, tmp_path: Path) -> None:
    unseen = np.abs(UNSEEN) + 0.5
    unseen[40, 2] = np.nan

    first = watched(lambda: logarithm(keras).predict(unseen, batch_size=16, verbose=0), tmp_path).findings[0]

    assert (first.cause, [one.cause for one in first.consequences]) == ("nan-in-data", ["val-only-nonfinite"])
    assert (first.location.dataset_rows, first.location.columns) == ((40,), ("2",))


def test_a_predict_in_a_callback_is_no_validation(keras: Any, tmp_path: Path) -> None:
    class Peek(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.predict(UNSEEN, batch_size=16, verbose=0)

    report = watched(lambda: logarithm(keras).fit(X, Y, epochs=2, callbacks=[Peek()], verbose=0), tmp_path)

    assert located(report.findings[0]) == FOUND
    assert report.findings[0].consequences[0].about == "evaluation:predict"
    assert report.findings[0].location.epoch == 1


def test_what_the_training_makes_of_it_is_not_changed(keras: Any, tmp_path: Path) -> None:
    def trained() -> tuple[list[Any], dict[str, list[float]]]:
        keras.utils.set_random_seed(5)
        layers = [keras.Input((3,)), keras.layers.Lambda(keras.ops.log), keras.layers.Dropout(0.3)]
        model = keras.Sequential([*layers, keras.layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"])
        history = model.fit(X, Y, validation_data=(UNSEEN, SEEN), epochs=3, batch_size=16, verbose=0)
        return model.get_weights(), history.history

    plain, told = trained()
    seen: list[Any] = []
    report = watched(lambda: seen.append(trained()), tmp_path)

    assert located(report.findings[0])[:2] == FOUND[:2]
    weights, history = seen[0]
    assert all(one.tobytes() == other.tobytes() for one, other in zip(weights, plain, strict=True))
    assert np.array(list(history.values())).tobytes() == np.array(list(told.values())).tobytes()


def test_a_metric_alone_is_a_warning_without_a_place(keras: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    def ratio(wanted: Any, predicted: Any) -> Any:
        return tf.reduce_sum(wanted * 0.0) / tf.reduce_sum(predicted * 0.0)

    def train() -> None:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(X, Y, verbose=0)
        model.compile("adam", "mse", metrics=[ratio])
        model.evaluate(X, Y, verbose=0)

    found = [(one.cause, one.severity) for one in watched(train, tmp_path).findings if one.severity != "note"]

    assert found == [("val-only-nonfinite", "warning")]
    assert not list(tmp_path.iterdir())
