"""A scan of a model in memory: it is as it was afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nandoctor
from nandoctor.errors import NandoctorError

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module", params=["keras", "tf_keras"])
def keras(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip(request.param)


@pytest.fixture
def model(keras: Any) -> Any:
    """A model with all that a step of training writes to, while it is being trained."""
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
    model = keras.Sequential([keras.layers.Input((4,)), *layers, keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(*data(), verbose=0)
    return model


def data() -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
    return x, np.abs(x[:, :1])


def state(model: Any) -> list[Any]:
    """All that a model, its optimizer and its metrics hold."""
    variables = model.optimizer.variables
    held = [*model.variables, *(variables() if callable(variables) else variables)]
    held += [one for metric in model.metrics for one in metric.variables]
    return [one.numpy().copy() for one in held]


def test_nothing_of_it_is_changed(model: Any) -> None:
    x, y = data()
    before = state(model)

    report = nandoctor.scan(model, x, labels=y)

    assert report.summary.verdict == "healthy"
    assert "model: Keras model in memory" in report.examined
    assert all(map(np.array_equal, before, state(model)))


def test_a_cell_is_named_without_a_file(model: Any) -> None:
    x, y = data()
    x[7, 2] = np.nan

    first = nandoctor.scan(model, {"features": x, "price": y}, labels="price").findings[0]

    assert (first.cause, first.location.dataset_rows, first.location.columns) == ("nan-in-data", (7,), ("2",))
    assert first.location.file is None


def test_a_model_that_is_not_built_is_refused(keras: Any) -> None:
    with pytest.raises(NandoctorError, match="is not built yet: give it an Input, or call it once"):
        nandoctor.scan(keras.Sequential([keras.layers.Dense(1)]), np.ones((4, 2)))


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(NandoctorError, match=r"^int is neither a Keras model nor a path to one$"):
        nandoctor.scan(3, np.ones((4, 2)))


def test_labels_in_memory_do_not_go_with_a_file(model: Any) -> None:
    with pytest.raises(NandoctorError, match="name those in a file"):
        nandoctor.scan(model, "data.npz", labels=np.ones(3))
