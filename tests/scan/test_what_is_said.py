"""Sentences and remedies that once were wrong, on the models on which they were."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.finding import Finding, Report

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def scanned(tmp_path: Path) -> Callable[..., Report]:
    """`scanned(model, x, y)`: the report on a Keras model and these arrays."""
    from nandoctor.api import scan

    def run(model: Any, x: np.ndarray, y: np.ndarray | None = None) -> Report:
        model.save(tmp_path / "m.keras")
        np.savez(tmp_path / "d.npz", x=x, **({} if y is None else {"y": y}))
        labels = None if y is None else "y"
        return scan(tmp_path / "m.keras", tmp_path / "d.npz", labels=labels, check_numerics=False)

    return run


@pytest.fixture
def keras() -> Any:
    """Keras, with the seed that the models here are made with."""
    import keras

    keras.utils.set_random_seed(0)
    return keras


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def of(report: Report, cause: str) -> Finding:
    return next(one for one in report.findings if one.cause == cause)


def test_a_hidden_nan_beside_a_loss_that_is_infinite_in_another_batch(keras: Any, scanned: Callable[..., Report]):
    layers = [keras.layers.Dense(8, activation="relu", name="first"), keras.layers.Dense(1, name="head")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(loss="mse")
    x, y = np.ones((64, 4), np.float32), np.zeros((64, 1), np.float32)
    x[3, 2] = np.nan

    hidden = of(scanned(model, x, y), "hidden-nonfinite")
    assert "finite in all 2 batches: neither it nor TerminateOnNaN shows" in hidden.message
    assert (hidden.location.layer, hidden.location.dataset_rows) == ("first", (3,))

    y[40] = np.inf
    hidden = of(scanned(model, x, y), "hidden-nonfinite")
    assert "does show a fault: it is not finite in 1 of 2 batches" in hidden.message


def test_a_divisor_with_negative_values_keeps_its_sign(keras: Any, scanned: Callable[..., Report]):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, 1.0 / keras.layers.Dense(3, kernel_initializer="identity", name="d")(inputs))
    x = normal(16, 3)
    x[7, 1] = 0.0

    (root,) = [one for one in scanned(model, x).findings if one.severity == "error"]

    assert [remedy.id for remedy in root.remedies] == ["divide-no-nan", "signed-epsilon"]
    assert "1 of 48 values of the denominator from layer d (range" in root.message
    by_kernel = [one.message for one in root.consequences if "variable d/kernel" in one.message]
    assert by_kernel
    assert "the first operand (the gradient that comes in) holds" in by_kernel[0]


@pytest.mark.parametrize(
    ("form", "advice"),
    [
        ("softmax", "Use tf.nn.softmax instead of the form written by hand"),
        ("softplus", "Use tf.nn.softplus instead of the form written by hand"),
        ("log variance", "Bound the argument: tf.math.exp(tf.clip_by_value(the argument, -20.0, 20.0))"),
    ],
)
def test_a_stable_form_is_offered_for_what_it_is_the_stable_form_of(
    form: str, advice: str, keras: Any, scanned: Callable[..., Report]
):
    inputs = keras.Input((3,))
    exponentials = keras.ops.exp(inputs)
    made = {
        "softmax": lambda: exponentials / keras.ops.sum(exponentials, axis=-1, keepdims=True),
        "softplus": lambda: keras.ops.log(1.0 + exponentials),
        "log variance": lambda: inputs + 0.5 * exponentials,
    }
    x = normal(16, 3)
    x[5, 1] = 300.0

    root = of(scanned(keras.Model(inputs, made[form]()), x), "exp-overflow")

    assert root.remedies[0].title == advice
    assert "(the input " in root.message


def test_huge_weights_are_the_root_of_what_they_overflow(keras: Any, scanned: Callable[..., Report]):
    layers = [keras.layers.Dense(8, activation="relu") for _ in range(3)]
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1)])
    model.compile(loss="mse")
    for layer in layers:
        layer.kernel.assign(layer.kernel * 1e19)

    (root,) = scanned(model, normal(64, 4), np.ones((64, 1), np.float32)).findings

    assert (root.cause, root.severity, root.evidence["kernels"]) == ("huge-weights", "error", 3)
    assert root.chain == ("nonfinite-loss", "zero-times-inf", "accumulation-overflow", "huge-weights")


def test_data_of_zeros_are_the_root_of_dead_units(keras: Any, scanned: Callable[..., Report]):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
    model.compile(loss="mse")

    report = scanned(model, np.zeros((64, 4), np.float32), normal(64, 1))

    assert [one.cause for one in report.findings] == ["constant-column"]
    assert {one.cause for one in report.findings[0].consequences} == {"dead-relu", "zero-gradient"}


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_padding_ids_are_no_constant_column(dtype: str, keras: Any, scanned: Callable[..., Report]):
    inputs = keras.Input((6,), dtype=dtype)
    words = keras.layers.Embedding(50, 4)(keras.ops.cast(inputs, "int32"))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(words)))
    ids = np.random.default_rng(0).integers(1, 50, (64, 6)).astype(dtype)
    ids[:, 4:] = 0

    assert not scanned(model, ids, normal(64, 1)).findings


def test_the_rows_that_an_op_refuses_are_found(keras: Any, scanned: Callable[..., Report]):
    model = keras.Sequential(
        [keras.Input((3,), dtype="int32"), keras.layers.Embedding(10, 2), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    ids = np.random.default_rng(0).integers(0, 10, (64, 3)).astype(np.int32)
    ids[41, 1], ids[50, 2] = 10, 12

    root = of(scanned(model, ids, normal(64, 1)), "op-raises-error")

    assert (root.location.batch, root.location.rows, root.location.dataset_rows) == (1, (9, 18), (41, 50))


def test_the_term_of_the_loss_that_is_not_finite_stands_under_its_cause(keras: Any, scanned: Callable[..., Report]):
    inputs = keras.Input((2,))
    price = keras.layers.Identity(name="price")(keras.layers.Dense(1, kernel_regularizer="l2")(inputs))
    growth = keras.layers.Identity(name="growth")(keras.ops.log(inputs))
    x = np.abs(normal(64, 2))
    x[40, 1] = 0.0

    (root,) = scanned(keras.Model(inputs, {"price": price, "growth": growth}), x).findings

    assert (root.cause, root.chain) == ("log-of-zero", ("nonfinite-outputs", "term-nonfinite", "log-of-zero"))
    (term,) = [one for one in root.consequences if one.cause == "term-nonfinite"]
    assert (term.evidence["outputs"], term.evidence["batches"]) == ("growth", 1)
    assert "of output price" in term.message


def test_what_an_addition_swallows_is_told_and_what_a_mask_does_is_not(keras: Any, scanned: Callable[..., Report]):
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(8, name="lost")(inputs)
    swallowing = keras.Model(inputs, keras.layers.Dense(1)(keras.ops.tanh((hidden + 1e9) * 1e-9)))
    masked = keras.Model(inputs, keras.ops.softmax(hidden + keras.ops.cast(inputs < 0, "float32") * -1e9))

    found = of(scanned(swallowing, normal(64, 8)), "disparate-scales-in-op")

    assert (found.severity, found.evidence["share"]) == ("warning", 1.0)
    assert "/lost_" in found.message
    assert "disparate-scales-in-op" not in {one.cause for one in scanned(masked, normal(64, 8)).findings}


def test_the_bands_of_layers_and_gradients_hold_the_figures_that_were_measured(
    keras: Any, scanned: Callable[..., Report]
):
    layers = [keras.layers.Dense(8, activation="relu", name="first"), keras.layers.Dense(1, name="head")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(loss="mse")

    report = scanned(model, normal(64, 4), normal(64, 1))

    assert [row.layer for row in report.layers] == ["first", "head"]
    for row in report.layers:
        values, gradient = row.activation, row.gradient
        assert values is not None
        assert gradient is not None
        assert values.largest == max(abs(row.minimum or 0.0), abs(row.maximum or 0.0))
        assert 0.0 < (values.smallest or 0.0) <= (values.median or 0.0) <= (values.largest or 0.0)
        assert 0.0 < (gradient.smallest or 0.0) <= (gradient.largest or 0.0) <= (row.gradient_norm or 0.0)
    assert report.layers[0].activation is not None
    assert report.layers[0].activation.count == 64 * 8
    assert [(column.array, column.column) for column in report.columns if column.array == "y"] == [("y", "0")]
