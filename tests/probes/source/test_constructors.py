from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from nandoctor.probes.source import constructors
from nandoctor.probes.source.text import Edit, Source, UnwritableError

HEAD = "import keras\n"


def after(text: str, write: Callable[[Source], list[Edit]]) -> str:
    """The text once the edits are made, in a file that imports Keras."""
    source = Source(f"{HEAD}{text}\n")
    return source.changed(write(source)).removeprefix(HEAD).removesuffix("\n")


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("o = keras.optimizers.SGD(1.2)", "o = keras.optimizers.SGD(0.12)"),
        ("o = keras.optimizers.Adam(learning_rate=1e-3)", "o = keras.optimizers.Adam(learning_rate=0.0001)"),
        ("o = keras.optimizers.Adam()", "o = keras.optimizers.Adam(learning_rate=0.0001)"),
        ("o = keras.optimizers.SGD(momentum=0.9)", "o = keras.optimizers.SGD(momentum=0.9, learning_rate=0.001)"),
        ("rate = 0.5\no = keras.optimizers.SGD(rate)", "rate = 0.05\no = keras.optimizers.SGD(rate)"),
        (
            "m.compile(optimizer='sgd', loss='mse')",
            "m.compile(optimizer=keras.optimizers.SGD(learning_rate=0.001), loss='mse')",
        ),
    ],
)
def test_the_learning_rate_is_divided(before: str, expected: str) -> None:
    assert after(before, lambda source: constructors.learning_rate(source, 10)) == expected


def test_the_gradient_is_clipped_unless_it_already_is() -> None:
    clipped = after("o = keras.optimizers.Adam(\n    0.1,\n)", constructors.clipped_gradient)

    assert clipped == "o = keras.optimizers.Adam(\n    0.1, global_clipnorm=1.0,\n)"
    with pytest.raises(UnwritableError, match="clips already"):
        after("o = keras.optimizers.Adam(clipvalue=1.0)", constructors.clipped_gradient)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("o = keras.optimizers.Adam(settings.rate)", "not written as a number"),
        ("o = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 9))", "not written as a number"),
        ("a = keras.optimizers.Adam()\nb = keras.optimizers.SGD()", "builds 2 optimizers"),
        ("m.compile(optimizer=made, loss='mse')", "the optimizer is not built in this file"),
        ("m.fit(x, y)", "the optimizer is not named in this file"),
        ("o = keras.optimizers.Adam(**settings)\n", "takes its arguments from a dictionary"),
        ("for rate in 1e-1, 1e-2:\n    o = keras.optimizers.Adam(rate)", "rate is not assigned once in the file"),
    ],
)
def test_a_learning_rate_that_is_not_shown_is_left_alone(text: str, reason: str) -> None:
    with pytest.raises(UnwritableError, match=reason):
        after(text, lambda source: constructors.learning_rate(source, 10))


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("a = keras.layers.Dense(1, 'relu', name='a')", "a = keras.layers.Dense(1, 'tanh', name='a')"),
        (
            "a = keras.layers.Dense(1, activation='relu', name='a')",
            "a = keras.layers.Dense(1, activation='tanh', name='a')",
        ),
        ("a = keras.layers.Dense(1, name='a')", "a = keras.layers.Dense(1, name='a', activation='tanh')"),
    ],
)
def test_the_activation_of_a_named_layer(before: str, expected: str) -> None:
    assert after(before, lambda source: constructors.layer_activation(source, "block/a", "'tanh'")) == expected


@pytest.mark.parametrize(
    ("layer", "expected"),
    [("lstm_7", "LSTM(3, dtype='x')"), ("dense", "Dense(1, dtype='x')"), ("model/dense_1", "Dense(2, dtype='x')")],
)
def test_a_layer_without_a_name_is_known_by_its_class_and_number(layer: str, expected: str) -> None:
    text = "a = keras.layers.LSTM(3)\nb = keras.layers.Dense(1)\nc = keras.layers.Dense(2)"

    changed = after(text, lambda source: constructors.layer_keyword(source, layer, "dtype", "'x'"))

    assert changed == text.replace(expected.replace(", dtype='x'", ""), expected)


def test_a_layer_that_the_file_does_not_build() -> None:
    with pytest.raises(UnwritableError, match="which call builds the layer dense_2"):
        after(
            "b = keras.layers.Dense(1)\nc = keras.layers.Dense(2)",
            lambda source: constructors.layer_keyword(source, "dense_2", "dtype", "'x'"),
        )


def test_loss_and_head() -> None:
    compiled = "m.compile(optimizer='sgd', loss='binary_crossentropy')"

    assert after(compiled, lambda source: constructors.from_logits(source, True)) == (
        "m.compile(optimizer='sgd', loss=keras.losses.BinaryCrossentropy(from_logits=True))"
    )
    built = "loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
    assert after(built, lambda source: constructors.from_logits(source, False)) == built.replace("True", "False")
    assert after(compiled, lambda source: constructors.loss_named(source, "mse")) == (
        "m.compile(optimizer='sgd', loss=\"mse\")"
    )
    with pytest.raises(UnwritableError, match=re.escape("mse takes no logits")):
        after("m.compile(loss='mse')", lambda source: constructors.from_logits(source, True))


def test_precision_and_initializers() -> None:
    text = "keras.mixed_precision.set_global_policy('mixed_float16')\nkeras.layers.Dense(1, kernel_initializer='zeros')"

    assert after(text, lambda source: constructors.policy(source, "float32")) == text.replace(
        "'mixed_float16'", '"float32"'
    )
    assert after(text, lambda source: constructors.initializers(source, "'he_normal'")) == text.replace(
        "zeros", "he_normal"
    )
    with pytest.raises(UnwritableError, match="sets no dtype policy"):
        after("m.fit(x, y)", lambda source: constructors.policy(source, "float32"))
