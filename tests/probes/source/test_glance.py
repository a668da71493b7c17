"""What a look at the words of a file settles before it is parsed."""

from __future__ import annotations

import pytest

from nandoctor.probes.source.glance import may_tell, names_library


@pytest.mark.parametrize(
    "source",
    [
        "y = tf.math.log(x)",
        "from tensorflow.math import log as ln\ny = ln(x)",
        "y = x / total",
        "total /= 2",
        "y = x ** 0.5",
        "y = x \\\n    ** 0.5",
        "y = f(x)**0.5",
        "print(f'{loss / steps:.2f}')",
        'print(f"{losses["all"] / steps}")',
        'print(rf"""\n{loss / steps}""")',
        "x = 'it\\'s' + \"a # b\" + str(y / 2)",
        "tf.clip_by_value(x, 0.0, 1.0)",
        "o = keras.optimizers.Adam(10.0)",
        "o = tf.compat.v1.train.AdamOptimizer(10.0)",
        "m = keras.Sequential([Dense(1)])\nm.compile(loss='mse')",
        "layer = Dense(1, activation='softmax')",
        "y = layers.Activation(activation='SOFTMAX')(layers.Conv2D(1, 1)(x))",
        "loss = losses.BinaryCrossentropy()(y, layers.Dense(1)(x))",
        "tf.nn.softmax_cross_entropy_with_logits(y, tf.nn.relu(x))",
    ],
)
def test_what_may_be_a_fact_is_parsed(source: str) -> None:
    assert may_tell(source.encode())


@pytest.mark.parametrize(
    "source",
    [
        "def f(a, *b, **c):\n    return g(a,\n             **c) + {**c}[0]",
        "x = y // 2  # not y / 2, nor log(y)",
        "'''The log of the norm / 2.'''\nURL = \"https://keras.io\"",
        "logs = std_out.log_file",
        "m = keras.Sequential([layers.Dense(1)])",
        "m.compile(loss='mse')",
    ],
)
def test_words_in_texts_comments_and_other_names_tell_nothing(source: str) -> None:
    assert not may_tell(source.encode())


def test_a_fit_takes_a_compile_alone() -> None:
    assert may_tell(b"m = load()\nm.compile(loss='mse')\nm.fit(x, y)", with_fits=True)


def test_a_file_without_the_libraries_is_known() -> None:
    assert names_library(b"import keras")
    assert names_library(b"from tensorflow import math")
    assert not names_library(b"import torch\ntorch.log(x)")
