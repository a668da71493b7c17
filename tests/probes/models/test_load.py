"""Every kind of saved model: what it computes, what it can be differentiated by, what it is called."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.probes.models.load import load_subject

pytestmark = pytest.mark.tensorflow

ALL_KINDS = [
    "keras_file",
    "keras_h5",
    "keras_export",
    "keras_tf_save",
    "tf_keras_saved_model",
    "tf_keras_h5",
    "pair_export",
    "module",
    "module_without_signature",
    "ragged_module",
    "text_and_ids_module",
    "tf1",
]


def fingerprint(path: Path) -> str:
    """A hash of all names, contents and times of change below `path`."""
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {file.stat().st_mtime_ns}".encode())
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()


def tensors(subject: Any, arrays: Any) -> dict[str, Any]:
    import tensorflow as tf

    return {
        spec.name: arrays[spec.name] if spec.ragged else tf.constant(arrays[spec.name], spec.dtype)
        for spec in subject.inputs
    }


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_infer_gives_what_the_original_gave_bit_for_bit(kind: str, request: pytest.FixtureRequest) -> None:
    saved = request.getfixturevalue(kind)
    before = fingerprint(saved.path)

    subject = load_subject(saved.path)
    outputs = subject.infer(tensors(subject, saved.inputs))

    assert set(outputs) == set(subject.outputs) == set(saved.outputs)
    for name, wanted in saved.outputs.items():
        np.testing.assert_array_equal(outputs[name], wanted)
    assert fingerprint(saved.path) == before


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_gradients_can_be_taken_inside_a_traced_function(kind: str, request: pytest.FixtureRequest) -> None:
    import tensorflow as tf

    saved = request.getfixturevalue(kind)
    subject = load_subject(saved.path)
    trainable = [named.variable for named in subject.variables if named.trainable]
    given = tensors(subject, saved.inputs)

    @tf.function
    def gradients(inputs: Any) -> Any:
        with tf.GradientTape() as tape:
            total = tf.add_n([tf.reduce_sum(output) for output in subject.infer(inputs).values()])
        return tape.gradient(total, trainable)

    assert subject.no_gradients is None
    assert trainable
    assert all(gradient is not None for gradient in gradients(given))


@pytest.mark.parametrize("kind", ["keras_file", "keras_h5", "tf_keras_saved_model", "tf_keras_h5"])
def test_train_has_the_training_behaviour_of_dropout_and_batch_normalization(
    kind: str, request: pytest.FixtureRequest
) -> None:
    saved = request.getfixturevalue(kind)
    subject = load_subject(saved.path)
    given = tensors(subject, saved.inputs)
    assert subject.train is not None
    first, second = (np.asarray(subject.train(given)["classes"]) for _ in range(2))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, np.asarray(subject.infer(given)["classes"]))


@pytest.mark.parametrize("kind", ["keras_export", "keras_tf_save", "module", "tf1"])
def test_a_serving_export_holds_no_training_behaviour(kind: str, request: pytest.FixtureRequest) -> None:
    assert load_subject(request.getfixturevalue(kind).path).train is None


CLASSIFIER_VARIABLES = {
    "hidden/kernel": True,
    "hidden/bias": True,
    "norm/gamma": True,
    "norm/beta": True,
    "norm/moving_mean": False,
    "norm/moving_variance": False,
    "classes/kernel": True,
    "classes/bias": True,
}


@pytest.mark.parametrize(
    "kind", ["keras_file", "keras_h5", "keras_export", "keras_tf_save", "tf_keras_saved_model", "tf_keras_h5"]
)
def test_the_variables_of_a_keras_model_have_their_paths_and_flags(kind: str, request: pytest.FixtureRequest) -> None:
    subject = load_subject(request.getfixturevalue(kind).path)
    floating = {named.name: named.trainable for named in subject.variables if named.variable.dtype.is_floating}
    assert floating == CLASSIFIER_VARIABLES


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("keras_file", ".keras file"),
        ("keras_h5", "HDF5 file (Keras 3)"),
        ("tf_keras_h5", "HDF5 file (tf-keras)"),
        ("keras_export", "SavedModel (Keras export)"),
        ("keras_tf_save", "SavedModel (Keras, tf.saved_model.save)"),
        ("tf_keras_saved_model", "SavedModel (tf-keras)"),
        ("module", "SavedModel (tf.Module)"),
        ("tf1", "SavedModel (TensorFlow 1)"),
    ],
)
def test_the_format_is_named(kind: str, wanted: str, request: pytest.FixtureRequest) -> None:
    assert load_subject(request.getfixturevalue(kind).path).format == wanted


@pytest.mark.parametrize("kind", ["keras_file", "keras_h5", "tf_keras_h5"])
def test_a_whole_model_tells_its_layers_and_its_name(kind: str, request: pytest.FixtureRequest) -> None:
    subject = load_subject(request.getfixturevalue(kind).path)
    assert subject.layers == ("features", "hidden", "norm", "drop", "classes")
    assert subject.root == "iris"


def test_the_content_decides_not_the_suffix(keras_file: Any, keras_h5: Any, tmp_path: Path) -> None:
    for source, wanted in ((keras_file, ".keras file"), (keras_h5, "HDF5 file (Keras 3)")):
        copy = tmp_path / "model.bin"
        copy.write_bytes(source.path.read_bytes())
        assert load_subject(copy).format == wanted


def refusal(path: Path, **options: Any) -> NandoctorError:
    """The error for `path`, which must be one line."""
    with pytest.raises(NandoctorError) as caught:
        load_subject(path, **options)
    assert "\n" not in caught.value.message
    assert str(path) in caught.value.message
    return caught.value


def test_a_missing_path(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nothing")
    assert "does not exist" in error.message
    assert error.exit_code == USAGE


def test_an_empty_folder(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert "empty folder" in error.message
    assert error.exit_code == UNEXAMINABLE


def test_a_folder_that_is_no_saved_model(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    error = refusal(tmp_path)
    assert "is not a SavedModel: it has no saved_model.pb" in error.message
    assert error.exit_code == UNEXAMINABLE


def test_a_folder_of_versions_names_the_one_inside(module: Any, tmp_path: Path) -> None:
    (tmp_path / "1").symlink_to(module.path)
    assert "; 1 inside it is one" in refusal(tmp_path).message


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("model.keras", b"not a zip at all", "it is not a zip archive"),
        ("model.keras", b"PK\x03\x04 and then nothing", "truncated or damaged zip"),
        ("model.h5", b"not hdf5 at all", "is not an HDF5 file"),
        ("model.h5", b"\x89HDF\r\n\x1a\n and then nothing", "truncated or damaged HDF5"),
        ("model.onnx", b"something else", "is not a saved model"),
        ("model.keras", b"", "is an empty file"),
    ],
)
def test_a_file_that_is_no_model(name: str, content: bytes, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    error = refusal(path)
    assert wanted in error.message
    assert error.exit_code == UNEXAMINABLE


def test_a_signature_of_a_file_without_signatures(keras_file: Any) -> None:
    error = refusal(keras_file.path, signature="serve")
    assert "has no signatures" in error.message
    assert error.exit_code == USAGE


def test_nothing_of_the_libraries_reaches_standard_error(
    tf1: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    load_subject(tf1.path)
    assert capfd.readouterr().err == ""
