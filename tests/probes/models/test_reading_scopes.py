from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nandoctor.probes.models.load import load_subject
from nandoctor.probes.models.reading_scopes import with_models_around

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(
    ("name", "scope", "found"),
    [
        ("dense/kernel", "net/dense/MatMul", "dense/kernel"),
        ("dense/kernel", "net/encoder/dense/MatMul", "encoder/dense/kernel"),
        ("dense/kernel", "net_1/encoder_1/dense_1/Cast", "encoder/dense/kernel"),
        ("dense_1/kernel", "net_1/block_2_1/dense_1_1/Cast", "block_2/dense_1/kernel"),
        ("lstm/lstm_cell/kernel", "net/encoder/lstm/lstm_cell/Cast", "encoder/lstm/lstm_cell/kernel"),
        ("net/dense/kernel", "net/dense/MatMul", "net/dense/kernel"),
        ("dense/kernel", "net/encoder/dense_two/MatMul", "dense/kernel"),
        ("step", "net/encoder/Mul", "step"),
    ],
)
def test_the_models_around_a_layer_are_put_back(name: str, scope: str, found: str) -> None:
    assert with_models_around(name, [scope]) == found


@pytest.mark.parametrize("export", [True, False])
def test_variables_of_nested_models_have_their_whole_path(tmp_path: Path, export: bool) -> None:
    import keras
    import tensorflow as tf

    def block(name: str) -> Any:
        x = keras.Input((3,))
        return keras.Model(x, keras.layers.Dense(3, name="dense")(x), name=name)

    given = keras.Input((3,), name="x")
    model = keras.Model(given, keras.layers.Dense(1, name="head")(block("decoder")(block("encoder")(given))))
    if export:
        model.export(tmp_path / "model", verbose=False)
    else:
        tf.saved_model.save(model, str(tmp_path / "model"))

    names = {named.name for named in load_subject(tmp_path / "model").variables}

    assert names == {
        "encoder/dense/kernel", "encoder/dense/bias", "decoder/dense/kernel", "decoder/dense/bias",
        "head/kernel", "head/bias",
    }  # fmt: skip
