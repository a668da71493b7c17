"""Small saved models of every kind, built once a session, each with an input and what the original gives for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Saved:
    """A model on disk, arrays to feed it, and the outputs of the original by output name."""

    path: Path
    inputs: Any
    outputs: Arrays


def features(rows: int = 4, columns: int = 4) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(rows, columns)).astype(np.float32)


def classifier(keras: Any) -> Any:
    """Dense, BatchNormalization, Dropout and a softmax head; the same text for Keras 3 and tf-keras."""
    keras.utils.set_random_seed(3)
    given = keras.Input((4,), name="features")
    x = keras.layers.Dense(8, activation="relu", name="hidden", kernel_regularizer="l2")(given)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.5, name="drop")(x)
    return keras.Model(given, keras.layers.Dense(3, activation="softmax", name="classes")(x), name="iris")


def two_in_two_out(keras: Any, *, named: bool) -> Any:
    """Two inputs and two outputs, given as dicts if `named`, else as lists whose order is not the alphabet's."""
    keras.utils.set_random_seed(4)
    wide, extra = keras.Input((4,), name="wide"), keras.Input((2,), name="extra")
    score = keras.layers.Dense(1, name="score")(keras.layers.Concatenate(name="both")([wide, extra]))
    chance = keras.layers.Dense(1, activation="sigmoid", name="chance")(wide)
    if named:
        return keras.Model({"wide": wide, "extra": extra}, {"score": score, "chance": chance}, name="pair")
    return keras.Model([wide, extra], [score, chance], name="pair")


def pair_of_inputs() -> Arrays:
    return {"wide": features(), "extra": features(4, 2)}


def compiled(model: Any, given: Any) -> Any:
    """What the model gives for inference as TensorFlow compiles it, which is how a SavedModel runs."""
    import tensorflow as tf

    outputs = tf.function(lambda x: model(x, training=False))(tf.nest.map_structure(tf.constant, given))
    return tf.nest.map_structure(lambda tensor: tensor.numpy(), outputs)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def keras_file(folder: Path) -> Saved:
    import keras

    model = classifier(keras)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy())
    model.save(folder / "iris.keras")
    return Saved(folder / "iris.keras", {"features": features()}, {"classes": np.asarray(model(features()))})


@pytest.fixture(scope="session")
def keras_h5(folder: Path) -> Saved:
    import keras

    model = classifier(keras)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(folder / "iris.h5")
    return Saved(folder / "iris.h5", {"features": features()}, {"classes": np.asarray(model(features()))})


@pytest.fixture(scope="session")
def pair_keras_file(folder: Path) -> Callable[[bool], Saved]:
    def build(named: bool) -> Saved:
        import keras

        model = two_in_two_out(keras, named=named)
        losses = {"score": "mse", "chance": keras.losses.BinaryCrossentropy(from_logits=False)}
        model.compile("adam", losses if named else [losses["score"], losses["chance"]])
        path = folder / f"pair-{named}.keras"
        model.save(path)
        arrays = pair_of_inputs()
        given = model(arrays if named else [arrays["wide"], arrays["extra"]])
        score, chance = (given["score"], given["chance"]) if named else given
        return Saved(path, arrays, {"score": np.asarray(score), "chance": np.asarray(chance)})

    return build


@pytest.fixture(scope="session")
def keras_export(folder: Path) -> Saved:
    import keras

    model = classifier(keras)
    model.export(folder / "export", verbose=False)
    return Saved(folder / "export", {"features": features()}, {"output_0": compiled(model, features())})


@pytest.fixture(scope="session")
def keras_tf_save(folder: Path) -> Saved:
    import keras
    import tensorflow as tf

    model = classifier(keras)
    tf.saved_model.save(model, str(folder / "tf-save"), options=tf.saved_model.SaveOptions(save_debug_info=True))
    return Saved(folder / "tf-save", {"inputs": features()}, {"output_0": compiled(model, features())})


@pytest.fixture(scope="session")
def tf_keras_saved_model(folder: Path) -> Saved:
    import tf_keras

    model = classifier(tf_keras)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(folder / "tf-keras")
    return Saved(folder / "tf-keras", {"features": features()}, {"classes": compiled(model, features())})


@pytest.fixture(scope="session")
def tf_keras_h5(folder: Path) -> Saved:
    """Compiled with the short name `mse`, which Keras 3 cannot read from such a file: tf-keras must."""
    import tf_keras

    model = classifier(tf_keras)
    model.compile("adam", "mse")
    model.save(folder / "legacy.h5")
    return Saved(folder / "legacy.h5", {"features": features()}, {"classes": np.asarray(model(features()))})


@pytest.fixture(scope="session")
def pair_tf_keras(folder: Path) -> Callable[[bool], Saved]:
    def build(named: bool) -> Saved:
        import tf_keras

        model = two_in_two_out(tf_keras, named=named)
        path = folder / f"pair-tf-keras-{named}"
        model.save(path)
        arrays = pair_of_inputs()
        given = compiled(model, arrays if named else [arrays["wide"], arrays["extra"]])
        score, chance = (given["score"], given["chance"]) if named else given
        return Saved(path, arrays, {"score": score, "chance": chance})

    return build


@pytest.fixture(scope="session")
def pair_export(folder: Path) -> Saved:
    import keras

    model = two_in_two_out(keras, named=True)
    model.export(folder / "pair-export", verbose=False)
    return Saved(folder / "pair-export", pair_of_inputs(), compiled(model, pair_of_inputs()))


@pytest.fixture(scope="session")
def module(folder: Path) -> Saved:
    """A tf.Module whose variables have no names of their own, with a submodule and a list."""
    import tensorflow as tf

    class Scale(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = tf.Variable(tf.constant([2.0, 3.0]), trainable=False)

    class Linear(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(tf.constant(features(4, 2)))
            self.shifts = [tf.Variable(tf.ones(2))]
            self.scale = Scale()

        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
        def __call__(self, x: Any) -> Any:
            return (x @ self.weight + self.shifts[0]) * self.scale.factor

    model = Linear()
    tf.saved_model.save(model, str(folder / "module"))
    return Saved(folder / "module", {"x": features()}, {"output_0": model(features()).numpy()})


@pytest.fixture(scope="session")
def module_without_signature(folder: Path) -> Saved:
    import tensorflow as tf

    class Double(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = tf.Variable(2.0)

        @tf.function
        def __call__(self, x: Any, training: bool = False) -> Any:
            return {"doubled": x * self.factor}

    model = Double()
    model.__call__.get_concrete_function(tf.TensorSpec((None, 3), tf.float32, name="x"))
    tf.saved_model.save(model, str(folder / "no-signature"), signatures={})
    arrays = features(2, 3)
    return Saved(folder / "no-signature", {"x": arrays}, {"doubled": arrays * np.float32(2)})


@pytest.fixture(scope="session")
def ragged_module(folder: Path) -> Saved:
    import tensorflow as tf

    class Mean(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(tf.ones((3, 1)))

        @tf.function(input_signature=[tf.RaggedTensorSpec((None, None, 3), tf.float32, ragged_rank=1)])
        def __call__(self, words: Any) -> Any:
            return tf.reduce_mean(words, 1) @ self.weight

    model = Mean()
    tf.saved_model.save(model, str(folder / "ragged"))
    words = tf.RaggedTensor.from_row_lengths(features(3, 3), [1, 2])
    return Saved(folder / "ragged", {"words": words}, {"output_0": model(words).numpy()})


@pytest.fixture(scope="session")
def text_and_ids_module(folder: Path) -> Saved:
    """String and integer inputs into an embedding table, and two signatures."""
    import tensorflow as tf

    class Lookup(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = tf.Variable(features(10, 2), name="table")

        @tf.function(
            input_signature=[tf.TensorSpec((None,), tf.string, "text"), tf.TensorSpec((None,), tf.int64, "ids")]
        )
        def serve(self, text: Any, ids: Any) -> Any:
            hashed = tf.strings.to_hash_bucket_fast(text, 10)
            return {"vectors": tf.gather(self.table, hashed) + tf.gather(self.table, ids)}

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.int64, "ids")])
        def embed(self, ids: Any) -> Any:
            return {"vectors": tf.gather(self.table, ids)}

    model = Lookup()
    signatures = {"serve": model.serve, "embed": model.embed}
    tf.saved_model.save(model, str(folder / "lookup"), signatures=signatures)
    arrays = {"text": np.array([b"a", b"b"]), "ids": np.array([1, 2])}
    given = model.serve(tf.constant(arrays["text"]), tf.constant(arrays["ids"]))
    return Saved(folder / "lookup", arrays, {"vectors": given["vectors"].numpy()})


def save_tf1(path: Path, body: Callable[[Any, Any], Any], tags: tuple[str, ...] = ("serve",)) -> Saved:
    """A TensorFlow 1 SavedModel of `y = body(x, kernel)`, written by its own builder."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        v1.set_random_seed(5)
        x = v1.placeholder(tf.float32, (None, 4), name="x")
        y = body(x, v1.get_variable("dense/kernel", (4, 4), use_resource=True))
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(path))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(session, list(tags), signature_def_map={"serving_default": signature})
        builder.save()
        return Saved(path, {"x": features()}, {"y": session.run(y, {x: features()})})


@pytest.fixture(scope="session")
def tf1(folder: Path) -> Saved:
    """With a variable of each old kind: a resource, and a reference."""
    import tensorflow as tf

    def body(x: Any, kernel: Any) -> Any:
        bias = tf.compat.v1.get_variable("dense/bias", (4,), use_resource=False)
        return tf.nn.softmax(x @ kernel + bias)

    return save_tf1(folder / "tf1", body, ("serve", "cpu"))


@pytest.fixture(scope="session")
def tf1_loop(folder: Path) -> Saved:
    """With a while loop of Switch, Merge, Enter and Exit, as those saved years ago have."""
    import tensorflow as tf

    def body(x: Any, kernel: Any) -> Any:
        return tf.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a @ kernel), [tf.constant(0), x])[1]

    tf.compat.v1.disable_control_flow_v2()
    try:
        return save_tf1(folder / "tf1-loop", body)
    finally:
        tf.compat.v1.enable_control_flow_v2()
