"""`.keras` files: structures, compiled loss, ragged inputs, nested models, code that is not allowed, damage."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.models.load import load_subject
from nandoctor.probes.models.subject import InputSpec, Subject

pytestmark = pytest.mark.tensorflow


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(NandoctorError) as caught:
        load_subject(path, **options)
    assert caught.value.exit_code == UNEXAMINABLE
    assert "\n" not in caught.value.message
    return caught.value.message


def step(
    subject: Subject, arrays: dict[str, Any], labels: dict[str, Any], *, training: bool
) -> tuple[float, list[Any]]:
    """The compiled loss and its gradients, traced as one function."""
    import tensorflow as tf

    loss = subject.compiled_loss
    assert loss is not None
    forward = subject.train if training else subject.infer
    assert forward is not None
    trainable = [named.variable for named in subject.variables if named.trainable]

    @tf.function
    def traced(inputs: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss.compute(inputs, targets, forward(inputs), training)
        return value, tape.gradient(value, trainable)

    value, gradients = traced(
        {name: tf.constant(array) for name, array in arrays.items()},
        {name: tf.constant(array) for name, array in labels.items()},
    )
    return float(value), gradients


@pytest.mark.parametrize("kind", ["keras_file", "keras_h5", "tf_keras_h5"])
def test_the_compiled_loss_is_the_models_own_with_its_regularization(kind: str, request: pytest.FixtureRequest) -> None:
    saved = request.getfixturevalue(kind)
    subject = load_subject(saved.path)
    chance = saved.outputs["classes"].astype(np.float64)
    kernel = next(named.variable for named in subject.variables if named.name == "hidden/kernel").numpy()
    regularization = 0.01 * np.square(kernel.astype(np.float64)).sum()

    if kind == "tf_keras_h5":
        labels = {"classes": np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]}
        wanted = np.square(chance - labels["classes"]).mean() + regularization
    else:
        labels = {"classes": np.array([0, 1, 2, 1])}
        wanted = -np.log(chance[np.arange(4), labels["classes"]]).mean() + regularization

    value, gradients = step(subject, saved.inputs, labels, training=False)
    assert value == pytest.approx(wanted, rel=1e-5)
    assert all(gradient is not None for gradient in gradients)
    assert step(subject, saved.inputs, labels, training=True)[0] != value


@pytest.mark.parametrize(
    ("kind", "name", "from_logits"),
    [
        ("keras_file", "sparse_categorical_crossentropy", False),
        ("keras_h5", "sparse_categorical_crossentropy", False),
        ("tf_keras_h5", "mean_squared_error", None),
    ],
)
def test_the_compiled_loss_is_named(
    kind: str, name: str, from_logits: bool | None, request: pytest.FixtureRequest
) -> None:
    loss = load_subject(request.getfixturevalue(kind).path).compiled_loss
    assert loss is not None
    assert loss.names == {"classes": name}
    assert loss.from_logits == {"classes": from_logits}


@pytest.mark.parametrize("named", [True, False])
def test_several_inputs_outputs_and_losses_go_by_name(pair_keras_file: Callable[[bool], Any], named: bool) -> None:
    saved = pair_keras_file(named)
    subject = load_subject(saved.path)
    assert {spec.name for spec in subject.inputs} == {"wide", "extra"}
    given = subject.infer(saved.inputs)
    for name, wanted in saved.outputs.items():
        np.testing.assert_array_equal(given[name], wanted)

    loss = subject.compiled_loss
    assert loss is not None
    assert loss.names == {"score": "mean_squared_error", "chance": "binary_crossentropy"}
    assert loss.from_logits == {"score": None, "chance": False}
    labels = {"score": np.full((4, 1), 2.0, np.float32), "chance": np.ones((4, 1), np.float32)}
    value, gradients = step(subject, saved.inputs, labels, training=True)
    wanted = np.square(saved.outputs["score"] - 2).mean() - np.log(saved.outputs["chance"]).mean()
    assert value == pytest.approx(wanted, rel=1e-5)
    assert all(gradient is not None for gradient in gradients)


def test_a_model_that_was_not_compiled_has_no_loss(tmp_path: Path) -> None:
    import keras

    keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(1, name="y")]).save(tmp_path / "m.keras")
    subject = load_subject(tmp_path / "m.keras")
    assert subject.compiled_loss is None
    assert subject.outputs == ("y",)


def test_logits_are_seen_in_the_loss_object(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(1, name="y")])
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.save(tmp_path / "m.keras")
    loss = load_subject(tmp_path / "m.keras").compiled_loss
    assert loss is not None
    assert loss.from_logits == {"y": True}


def test_layers_and_variables_of_nested_models_and_wrappers_have_their_whole_path(tmp_path: Path) -> None:
    import keras

    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")], name="encoder")
    series = keras.Input((5, 4), name="series")
    x = keras.layers.TimeDistributed(keras.layers.Dense(3, name="inner"), name="each")(series)
    x = keras.layers.Bidirectional(keras.layers.LSTM(2, name="memory"), name="both")(x)
    one = keras.Input((4,), name="one")
    x = keras.layers.Concatenate(name="join")([x, encoder(one)])
    keras.Model([series, one], keras.layers.Dense(1, name="dense")(x), name="whole").save(tmp_path / "m.keras")

    subject = load_subject(tmp_path / "m.keras")
    names = [named.name for named in subject.variables if named.variable.dtype.is_floating]
    assert {
        "encoder/dense/kernel",
        "dense/kernel",
        "each/inner/kernel",
        "both/forward_memory/lstm_cell/recurrent_kernel",
    } <= set(names)
    assert len(set(names)) == len(names)
    assert {"encoder", "encoder/dense", "each", "both", "both/forward_memory", "join", "dense"} <= set(subject.layers)


def test_a_ragged_input_is_said_to_be_ragged(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    words = keras.Input((None,), ragged=True, dtype="int32", name="words")
    keras.Model(words, keras.layers.Rescaling(2.0, name="doubled")(words)).save(tmp_path / "m.keras")
    subject = load_subject(tmp_path / "m.keras")
    assert subject.inputs == (InputSpec("words", (None, None), "int32", ragged=True),)
    given = subject.infer({"words": tf.ragged.constant([[1], [2, 3]])})
    assert given["doubled"].to_list() == [[2.0], [4.0, 6.0]]


def test_a_text_input_is_a_string(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    text = keras.Input((1,), dtype="string", name="text")
    vector = keras.layers.TextVectorization(vocabulary=["a", "b"], output_mode="multi_hot", name="vector")(text)
    keras.Model(text, keras.layers.Dense(1, name="score")(vector)).save(tmp_path / "m.keras")
    subject = load_subject(tmp_path / "m.keras")
    assert subject.inputs == (InputSpec("text", (None, 1), "string"),)
    assert np.asarray(subject.infer({"text": tf.constant([["a"], ["b"]])})["score"]).shape == (2, 1)


def save_lambda(path: Path, keras: Any) -> None:
    given = keras.Input((2,), name="x")
    output = keras.layers.Lambda(lambda x: x * 2, name="twice", output_shape=(2,))(given)
    keras.Model(given, output).save(path)


def test_a_lambda_layer_is_refused_unless_allowed(tmp_path: Path) -> None:
    import keras

    save_lambda(tmp_path / "m.keras", keras)
    message = refusal(tmp_path / "m.keras")
    assert "Lambda layer (twice)" in message
    assert "--unsafe" in message
    allowed = load_subject(tmp_path / "m.keras", unsafe=True)
    np.testing.assert_array_equal(allowed.infer({"x": np.ones((1, 2), np.float32)})["twice"], [[2.0, 2.0]])


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_a_lambda_layer_in_hdf5_is_refused_whoever_would_read_it(library: str, tmp_path: Path) -> None:
    save_lambda(tmp_path / "m.h5", __import__(library))
    assert "--unsafe" in refusal(tmp_path / "m.h5")
    allowed = load_subject(tmp_path / "m.h5", unsafe=True)
    np.testing.assert_array_equal(
        allowed.infer({allowed.inputs[0].name: np.ones((1, 2), np.float32)})["twice"], [[2, 2]]
    )


CUSTOM_MODULE = """
import keras

class Twice(keras.layers.Layer):
    def call(self, x):
        return x * 2
"""


@pytest.fixture
def custom_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with a layer of a module that the file does not hold, and that nothing has imported."""
    import importlib

    import keras

    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "twice_layer.py").write_text(CUSTOM_MODULE)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path / "code")
        twice = importlib.import_module("twice_layer").Twice
        keras.Sequential([keras.Input((2,), name="x"), twice(name="twice")]).save(tmp_path / "m.keras")
    monkeypatch.delitem(sys.modules, "twice_layer")
    return tmp_path / "m.keras"


def test_a_custom_class_is_refused_and_the_way_to_allow_it_is_named(custom_class: Path) -> None:
    message = refusal(custom_class)
    assert "custom class Twice" in message
    assert "import of its module twice_layer with --unsafe" in message


def test_a_custom_class_whose_module_is_not_there(custom_class: Path) -> None:
    assert "cannot be imported from twice_layer: put that module on PYTHONPATH" in refusal(custom_class, unsafe=True)


def test_a_custom_class_is_imported_when_allowed(custom_class: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(custom_class.parent / "code")
    subject = load_subject(custom_class, unsafe=True)
    np.testing.assert_array_equal(subject.infer({"x": np.ones((1, 2), np.float32)})["twice"], [[2.0, 2.0]])


def test_a_custom_loss_is_left_out_and_said_to_be(tmp_path: Path) -> None:
    import keras

    def my_loss(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(y_true - y_pred)

    model = keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(1, name="y")])
    model.compile(loss=my_loss)
    model.save(tmp_path / "m.keras")
    subject = load_subject(tmp_path / "m.keras")
    assert subject.compiled_loss is None
    assert subject.notices == (
        "the loss that the model was compiled with cannot be rebuilt without its code; give it with --loss",
    )


def test_a_function_without_a_module_can_only_be_exported(tmp_path: Path) -> None:
    import keras

    def triple(x: Any) -> Any:
        return x * 3

    keras.Sequential([keras.Input((2,)), keras.layers.Activation(triple)]).save(tmp_path / "m.keras")
    message = refusal(tmp_path / "m.keras")
    assert "cannot be imported: triple; save the model with model.export(folder)" in message


def test_an_archive_without_a_configuration(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
    assert "without config.json" in refusal(tmp_path / "m.keras")


def test_an_archive_without_weights(keras_file: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(keras_file.path) as whole, zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", whole.read("config.json"))
    assert "cannot be loaded: Expected a model.weights.h5" in refusal(tmp_path / "m.keras")


def test_an_archive_with_a_damaged_configuration(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{")
    assert "its config.json cannot be read" in refusal(tmp_path / "m.keras")


def test_a_truncated_archive(keras_file: Any, tmp_path: Path) -> None:
    content = keras_file.path.read_bytes()
    (tmp_path / "m.keras").write_bytes(content[: len(content) // 2])
    assert "truncated or damaged zip" in refusal(tmp_path / "m.keras")


def test_a_truncated_hdf5_file(keras_h5: Any, tmp_path: Path) -> None:
    content = keras_h5.path.read_bytes()
    (tmp_path / "m.h5").write_bytes(content[: len(content) // 2])
    assert "truncated or damaged HDF5" in refusal(tmp_path / "m.h5")


def test_a_file_of_weights_only(tmp_path: Path) -> None:
    import keras

    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save_weights(tmp_path / "m.weights.h5")
    assert "holds weights only; save the whole model" in refusal(tmp_path / "m.weights.h5")


def test_only_tf_keras_could_help_and_is_missing(
    tf_keras_h5: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import h5py

    broken = tmp_path / "m.h5"
    broken.write_bytes(tf_keras_h5.path.read_bytes())
    with h5py.File(broken, "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace('"Dense"', '"Thick"')
    assert "pip install" not in refusal(broken)
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    assert "pip install 'nandoctor[legacy]'" in refusal(broken)
