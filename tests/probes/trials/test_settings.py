from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from nandoctor.probes.trials.settings import Setting, apply_setting

pytestmark = pytest.mark.tensorflow


@contextmanager
def changed(kind: str, layer: str | None = None, value: str | float | None = None) -> Iterator[Any]:
    """Keras, with one setting changed."""
    import keras

    applied = apply_setting(Setting(kind, layer, value))
    assert not applied.used
    try:
        yield keras
        assert applied.used
    finally:
        applied.take_back()


def test_the_learning_rate_of_a_number_and_of_a_schedule() -> None:
    with changed("learning-rate", value=0.1) as keras:
        plain = keras.optimizers.SGD(learning_rate=2.0)
        scheduled = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(3.0, 10, 0.5))

    assert float(plain.learning_rate) == pytest.approx(0.2)
    assert float(scheduled.learning_rate) == pytest.approx(0.3)
    assert float(keras.optimizers.SGD(2.0).learning_rate) == 2.0


def test_the_gradient_is_clipped_where_it_is_not_yet() -> None:
    with changed("clip") as keras:
        assert keras.optimizers.Adam().global_clipnorm == 1.0
        assert keras.optimizers.Adam(clipvalue=3.0).global_clipnorm is None


def test_the_epsilon_of_an_optimizer() -> None:
    with changed("epsilon", value=0.5) as keras:
        optimizer, weight = keras.optimizers.Adam(epsilon=0.0), keras.Variable(np.ones(2, "float32"))
        optimizer.apply([np.zeros(2, "float32")], [weight])

    assert weight.numpy().tolist() == [1.0, 1.0]


def test_layers_that_would_compute_in_half_precision() -> None:
    with changed("policy", value="float32") as keras:
        half, single = keras.layers.Dense(1, dtype="mixed_float16"), keras.layers.Dense(1)
    with changed("dtype", "sum", "float32"):
        named, other = (keras.layers.Dense(1, dtype="float16", name=name) for name in ("sum", "other"))

    assert [one.compute_dtype for one in (half, single, named, other)] == ["float32", "float32", "float32", "float16"]


def test_the_activation_of_one_layer_and_the_kernels_of_all() -> None:
    with changed("activation", "head", "sigmoid") as keras:
        head, other = (keras.layers.Dense(1, kernel_initializer="zeros", name=name) for name in ("head", "other"))
        outputs = [float(one(np.ones((1, 2)))[0, 0]) for one in (head, other)]
    with changed("initializer", value="ones"):
        built = keras.layers.Dense(2, kernel_initializer="zeros")
        built.build((None, 3))

    assert outputs == [0.5, 0.0]
    assert built.kernel.numpy().tolist() == [[1.0, 1.0]] * 3
    assert built.bias.numpy().tolist() == [0.0, 0.0]


def test_what_fit_is_given_is_standardized() -> None:
    x, y = np.array([[100.0], [300.0]]), np.array([[1e6], [3e6]])
    with changed("standardize", value="label") as keras:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")

        loss = model.fit(x, y, verbose=0).history["loss"][0]

    assert loss == pytest.approx(1.0, rel=1e-4)
