"""Check-ups of real trainings: what is found, and when in the training it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.diagnosis.check_ups import CheckUps
from nandoctor.facts import Facts
from nandoctor.probes.watch import schedule, session
from nandoctor.probes.watch.start import Watching
from nandoctor.probes.watch.wanted import Wanted

pytestmark = pytest.mark.tensorflow

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(320, 8)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


@dataclass
class Told:
    """What the check-ups of a run said, with the number of updates that had been asked for by then."""

    facts: list[Facts] = field(default_factory=list)
    lines: list[tuple[int, str]] = field(default_factory=list)
    check_ups: CheckUps = field(default_factory=CheckUps)

    def __call__(self, facts: Facts) -> None:
        assert facts.run is not None
        self.facts.append(facts)
        self.lines += [(facts.run.steps, line) for line in self.check_ups.told(facts)]

    @property
    def looked_at(self) -> list[tuple[int, ...]]:
        return [one.run.check_ups for one in self.facts if one.run is not None and one.step is not None]


Watch = Callable[..., tuple[Watching, Told]]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    begun: list[Watching] = []

    def begin(check_up: str | int = "auto") -> tuple[Watching, Told]:
        told = Told()
        watching = Watching("train.py", Wanted(capsules=tmp_path, check_up=check_up), told)
        watching.begin()
        begun.append(watching)
        return watching, told

    yield begin
    for one in begun:
        one.end()


@pytest.fixture
def at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The records are read as often as the training comes back from a step."""
    monkeypatch.setattr(session, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(schedule, "SECONDS_BETWEEN_READINGS", 0.0)
    monkeypatch.setattr(schedule, "SHARE_OF_READING", 1e9)


def linear(optimizer: Any) -> Any:
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


def test_the_first_step_is_looked_at_right_after_it(watch: Watch) -> None:
    import keras

    watching, told = watch()
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(6, "relu", bias_initializer=keras.initializers.Constant(-90), name="hidden"),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")

    model.fit(X, Y, batch_size=32, epochs=2, shuffle=False, verbose=0)
    watching.end()

    (told_after, line) = told.lines[0]
    assert told_after == 1
    assert line.startswith("after step 0, warning: Gradient of exactly zero (zero-gradient).")
    assert line.endswith("All 6 units of hidden are 0 for every row.")
    assert told.looked_at == [(0,)]
    assert watching.facts().run.check_ups == (0, 19)  # type: ignore[union-attr]


def test_a_divergence_is_told_while_all_is_finite_with_the_step_at_which_it_will_overflow(
    watch: Watch, at_every_step: None
) -> None:
    import keras

    watching, told = watch()
    model = linear(keras.optimizers.SGD(1.2))

    model.fit(X, Y, batch_size=32, epochs=5, shuffle=False, verbose=0)
    watching.end()

    diverging = [(step, line) for step, line in told.lines if "learning-rate-too-high" in line]
    assert len(diverging) == 1
    step, line = diverging[0]
    assert step < 50
    assert watching.tripped is None
    assert "it passes float32's largest number (3.403e+38) at step" in line


def test_a_training_that_is_well_is_told_nothing(watch: Watch, at_every_step: None) -> None:
    import keras

    watching, told = watch()

    linear(keras.optimizers.SGD(0.8)).fit(X, Y, batch_size=32, epochs=4, verbose=0)
    watching.end()

    assert told.lines == []
    assert len(told.facts) > 30


def test_a_look_every_so_many_steps(watch: Watch) -> None:
    watching, told = watch(8)

    linear("sgd").fit(X, Y, batch_size=32, epochs=2, verbose=0)
    watching.end()

    assert told.looked_at == [(0,), (8,), (16,)]


def test_no_look_where_none_is_wanted(watch: Watch) -> None:
    watching, told = watch("off")

    linear("sgd").fit(X, Y, batch_size=32, verbose=0)
    watching.end()

    assert told.facts == []
    assert watching.facts().step is None


def test_the_first_step_of_an_eager_loop_and_of_each_of_two_optimizers(watch: Watch) -> None:
    import keras
    import tensorflow as tf

    watching, told = watch()
    models = [keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)]) for _ in range(2)]
    optimizers = [keras.optimizers.Adam(), keras.optimizers.SGD()]
    for start in range(0, 96, 32):
        x, y = tf.constant(X[start : start + 32]), tf.constant(Y[start : start + 32])
        for model, optimizer in zip(models, optimizers, strict=True):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
            optimizer.apply_gradients(
                zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
            )
    watching.end()

    assert told.looked_at == [(0,), (0,)]
    assert [one.step.rows for one in told.facts if one.step is not None] == [32, 32]
    assert len(watching.other_looks) == 1


def test_the_update_after_a_look_is_measured(watch: Watch) -> None:
    import keras

    watching, _ = watch()
    model = linear(keras.optimizers.Adam(0.01))
    norms: list[Any] = []
    told = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: norms.append(model.get_weights()))

    model.fit(X, Y, batch_size=32, verbose=0, callbacks=[told])
    watching.end()

    (optimizer,) = watching.facts().run.optimizers  # type: ignore[union-attr]
    assert optimizer.history is not None
    for name, before, after in zip(optimizer.history.updates, norms[0], norms[1], strict=True):
        first, measured, *rest = optimizer.history.updates[name]
        assert measured == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(after), rel=1e-5)
        assert np.isnan([first, *rest]).all()


def test_steps_that_run_together_are_not_taken_for_one(watch: Watch) -> None:
    watching, _ = watch()
    model = linear("adam")
    model.compile("adam", "mse", steps_per_execution=5)

    model.fit(X, Y, batch_size=32, epochs=2, verbose=0)
    watching.end()

    (optimizer,) = watching.facts().run.optimizers  # type: ignore[union-attr]
    assert optimizer.history is not None
    assert optimizer.history.updates == {}


def test_updates_that_a_loss_scale_left_out_are_counted(watch: Watch) -> None:
    import keras

    watching, told = watch()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4), keras.layers.Dense(1, dtype="float32")])
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01), initial_scale=2.0**20)
        model.compile(optimizer, "mse")
        model.fit(X, Y, batch_size=32, verbose=0)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    watching.end()

    facts = watching.facts().run
    assert facts is not None
    (found,) = facts.optimizers
    assert found.steps == 10
    assert found.skipped == found.steps - int(optimizer.inner_optimizer.iterations) > 0
    assert f"10 steps of training watched, {found.skipped} of them left out by the loss scale" in watching.told()
    assert told.lines == []


def test_two_optimizers_are_told_apart_by_what_they_train(watch: Watch) -> None:
    import keras
    import tensorflow as tf

    watching, _ = watch("off")
    models = {
        name: keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)], name=name) for name in ("maker", "critic")
    }
    optimizers = {name: keras.optimizers.Adam() for name in models}

    @tf.function
    def step(x: Any, y: Any) -> None:
        for name, model in models.items():
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
            variables = model.trainable_variables
            optimizers[name].apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    for start in range(0, 96, 32):
        step(tf.constant(X[start : start + 32]), tf.constant(Y[start : start + 32]))
    watching.end()

    assert watching.facts().run is not None
    assert watching.told().startswith("6 updates of weights watched (3 by Adam for maker, 3 by Adam for critic); ")


def test_looks_at_steps_that_run_eagerly_keep_one_step_between_them(watch: Watch) -> None:
    import tensorflow as tf

    watching, told = watch(1)
    model = linear("sgd")
    for start in range(0, 160, 32):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(X[start : start + 32]) - Y[start : start + 32]) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    assert watching.watch is not None
    (kept,) = watching.watch.tracings
    assert [one.shape for one in kept.stash] == [(32, 8), (32, 1)]
    (last,) = (batch.numpy() for batch in kept.stash if batch.shape[1] == 8)
    np.testing.assert_array_equal(last, X[128:160])
    watching.end()
    assert told.looked_at == [(0,), (1,), (2,), (3,), (4,)]
