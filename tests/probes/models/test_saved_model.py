"""SavedModel folders: signatures, inputs, names, TensorFlow 1, and damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.probes.models.load import load_subject
from nandoctor.probes.models.subject import InputSpec

pytestmark = pytest.mark.tensorflow


def as_tensors(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.constant(array) for name, array in arrays.items()}


def test_the_serving_signature_is_chosen_and_the_others_are_listed(text_and_ids_module: Any) -> None:
    subject = load_subject(text_and_ids_module.path)
    assert subject.signature == "serve"
    assert subject.notices == ("examined the signature serve; the others are embed (choose with --signature)",)
    assert set(subject.inputs) == {InputSpec("text", (None,), "string"), InputSpec("ids", (None,), "int64")}


def test_a_signature_is_chosen_by_name(text_and_ids_module: Any) -> None:
    subject = load_subject(text_and_ids_module.path, signature="embed")
    assert subject.inputs == (InputSpec("ids", (None,), "int64"),)


def test_an_unknown_signature_lists_those_there_are(text_and_ids_module: Any) -> None:
    with pytest.raises(NandoctorError) as caught:
        load_subject(text_and_ids_module.path, signature="predict")
    assert caught.value.message.endswith("has no signature predict; it has embed, serve")
    assert caught.value.exit_code == USAGE


def test_several_signatures_without_a_serving_one_must_be_chosen_from(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    spec = tf.TensorSpec((None,), tf.float32, name="x")
    one = tf.function(lambda x: {"y": x}).get_concrete_function(spec)
    two = tf.function(lambda x: {"y": x * 2}).get_concrete_function(spec)
    tf.saved_model.save(module, str(tmp_path), signatures={"one": one, "two": two})
    with pytest.raises(NandoctorError) as caught:
        load_subject(tmp_path)
    assert caught.value.message.endswith("choose one with --signature: one, two")
    assert caught.value.exit_code == USAGE
    assert load_subject(tmp_path, signature="two").signature == "two"


def test_the_second_name_that_an_export_gives_its_function_is_no_news(keras_export: Any) -> None:
    subject = load_subject(keras_export.path)
    assert subject.signature == "serving_default"
    assert subject.notices == ()


def test_a_model_without_any_function_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.weight = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path))
    with pytest.raises(NandoctorError, match="has no signature and no function with known inputs") as caught:
        load_subject(tmp_path)
    assert caught.value.exit_code == UNEXAMINABLE


def test_a_function_without_signature_is_used_with_its_inputs(module_without_signature: Any) -> None:
    subject = load_subject(module_without_signature.path)
    assert subject.signature is None
    assert subject.inputs == (InputSpec("x", (None, 3), "float32"),)
    assert subject.outputs == ("doubled",)


def test_a_ragged_input_stays_one_input(ragged_module: Any) -> None:
    assert load_subject(ragged_module.path).inputs == (InputSpec("words", (None, None, 3), "float32", ragged=True),)


def test_a_keras_export_turns_a_ragged_input_into_a_dense_one(tmp_path: Path) -> None:
    import keras

    words = keras.Input((None,), ragged=True, dtype="int32", name="words")
    keras.Model(words, keras.layers.Embedding(9, 2)(words)).export(tmp_path / "export", verbose=False)
    assert load_subject(tmp_path / "export").inputs == (InputSpec("words", (None, None), "int32", ragged=False),)


@pytest.mark.parametrize("named", [True, False])
def test_the_outputs_of_a_tf_keras_model_keep_their_names(pair_tf_keras: Callable[[bool], Any], named: bool) -> None:
    saved = pair_tf_keras(named)
    subject = load_subject(saved.path)
    assert {spec.name for spec in subject.inputs} == {"wide", "extra"}
    assert subject.train is not None
    given = as_tensors(saved.inputs)
    for outputs in (subject.infer(given), subject.train(given)):
        for name, wanted in saved.outputs.items():
            np.testing.assert_array_equal(outputs[name], wanted)


def test_the_outputs_of_a_subclassed_tf_keras_model_are_numbered(tmp_path: Path) -> None:
    import tensorflow as tf
    import tf_keras

    class Pair(tf_keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = tf_keras.layers.Dense(3), tf_keras.layers.Dense(1)

        def call(self, inputs: Any, training: Any = None) -> Any:
            return self.wide(inputs["left"]), self.narrow(inputs["right"])

    model = Pair()
    given = {"left": tf.ones((2, 4)), "right": tf.ones((2, 5))}
    model(given)
    model.save(tmp_path / "pair")
    subject = load_subject(tmp_path / "pair")
    assert {spec.name: spec.shape for spec in subject.inputs} == {"left": (None, 4), "right": (None, 5)}
    assert subject.train is not None
    for outputs in (subject.infer(given), subject.train(given)):
        assert {name: output.shape[-1] for name, output in outputs.items()} == {"output_1": 3, "output_2": 1}


def test_of_several_graphs_the_one_for_serving_is_taken(tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.float32, (None, 4), name="x")
        y = x @ v1.get_variable("kernel", (4, 2), use_resource=True)
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(tmp_path / "two"))
        signatures = {"predict": v1.saved_model.predict_signature_def({"x": x}, {"y": y})}
        builder.add_meta_graph_and_variables(session, ["train"], signature_def_map={})
        builder.add_meta_graph(["serve", "gpu"], signature_def_map=signatures)
        builder.save()
    subject = load_subject(tmp_path / "two")
    assert subject.signature == "predict"
    assert [named.name for named in subject.variables] == ["kernel"]


def test_the_variables_of_a_module_are_named_by_the_attributes_that_hold_them(module: Any) -> None:
    subject = load_subject(module.path)
    assert {named.name: named.trainable for named in subject.variables} == {
        "weight": True,
        "shifts/0": True,
        "scale/factor": False,
    }


def test_debug_information_is_found(keras_tf_save: Any, keras_export: Any) -> None:
    found = load_subject(keras_tf_save.path).debug_info
    assert found is not None
    assert Path(found).is_file()
    assert load_subject(keras_export.path).debug_info is None


def test_reference_variables_of_tensorflow_1_are_read_and_said_to_have_no_gradient(tf1: Any) -> None:
    subject = load_subject(tf1.path)
    assert {named.name: named.trainable for named in subject.variables} == {"dense/kernel": True, "dense/bias": False}
    assert "reference variables (dense/bias)" in subject.notices[0]


def test_a_loop_of_tensorflow_1_runs_but_has_no_gradients(tf1_loop: Any) -> None:
    subject = load_subject(tf1_loop.path)
    np.testing.assert_array_equal(subject.infer(as_tensors(tf1_loop.inputs))["y"], tf1_loop.outputs["y"])
    assert subject.no_gradients is not None
    assert "TensorFlow 1 control flow (Enter, Exit" in subject.no_gradients


@pytest.fixture
def copy(keras_export: Any, tmp_path: Path) -> Path:
    shutil.copytree(keras_export.path, tmp_path / "copy")
    return tmp_path / "copy"


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "truncated graph": (lambda path: cut(path / "saved_model.pb"), "saved_model.pb is truncated"),
    "empty graph": (lambda path: (path / "saved_model.pb").write_bytes(b""), "saved_model.pb is empty"),
    "other graph": (lambda path: (path / "saved_model.pb").write_text("hello"), "saved_model.pb is truncated or"),
    "no variables": (lambda path: shutil.rmtree(path / "variables"), "variables/variables.index is missing"),
    "no index": (lambda path: (path / "variables/variables.index").unlink(), "variables/variables.index is missing"),
    "truncated index": (lambda path: cut(path / "variables/variables.index"), "missing or truncated"),
    "no data": (lambda path: (path / "variables/variables.data-00000-of-00001").unlink(), "missing or truncated"),
    "truncated data": (lambda path: cut(path / "variables/variables.data-00000-of-00001"), "missing or truncated"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_in_one_line(damage: str, copy: Path) -> None:
    harm, wanted = DAMAGE[damage]
    harm(copy)
    with pytest.raises(NandoctorError) as caught:
        load_subject(copy)
    assert wanted in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == UNEXAMINABLE
