"""The step run op by op gives what TensorFlow gives: results, gradients, and a model that is as it was before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.api import scan

pytestmark = pytest.mark.tensorflow

Arrays = dict[str, Any]


@pytest.fixture
def interpret() -> Callable[..., Any]:
    """`interpret(path, arrays)`: outputs by name, interpreted.

    With `gradients=True` also the loss, and gradients by variable.

    The loss is the mean square of the outputs, labels are not needed.
    """
    import tensorflow as tf

    from nandoctor.probes.models.load import load_subject
    from nandoctor.probes.steps.observation import Observations
    from nandoctor.probes.steps.run import run_batch
    from nandoctor.probes.steps.trace import Batch, handle_names, tensors, trace_inference, trace_training

    def loss(_inputs: Any, _labels: Any, outputs: Any, _training: bool) -> Any:
        return mean_square(list(outputs.values()))

    def run(path: Path, arrays: Arrays, *, gradients: bool = False) -> dict[str, Any]:
        subject = load_subject(path)
        feeds = tensors(arrays, subject.inputs)
        rows = tf.nest.flatten(feeds)[0].shape[0]
        batch = Batch(0, range(rows), feeds, {})
        step = trace_training(subject, loss, batch, backward=True) if gradients else trace_inference(subject, batch)
        ran = run_batch(step, batch, Observations(), {}, handle_names(subject))
        return {
            name or kind: np.asarray(value) for (kind, name), value in zip(step.results, ran.values, strict=True)
        } | ({"executions": ran.executions} if gradients else {})

    return run


def mean_square(outputs: list[Any]) -> Any:
    import tensorflow as tf

    return tf.add_n([tf.reduce_mean(tf.square(output)) for output in outputs])


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def _network(keras: Any, name: str) -> tuple[Any, Arrays]:
    layers = keras.layers
    x: Any
    match name:
        case "dense":
            given, x = keras.Input((4,), name="x"), normal(6, 4)
            body = layers.Dense(8, activation="relu")(given)
        case "silu":
            given, x = keras.Input((4,), name="x"), normal(6, 4)
            body = layers.Dense(8, activation="silu")(given)
        case "convolution":
            given, x = keras.Input((6, 6, 2), name="x"), normal(6, 6, 6, 2)
            body = layers.BatchNormalization()(layers.Conv2D(4, 3)(given))
            body = layers.Flatten()(layers.MaxPooling2D()(layers.ReLU()(body)))
        case "lstm":
            given, x = keras.Input((5, 3), name="x"), normal(6, 5, 3)
            body = layers.LSTM(4)(given)
        case "bidirectional gru":
            given, x = keras.Input((5, 3), name="x"), normal(6, 5, 3)
            body = layers.Bidirectional(layers.GRU(4))(given)
        case "attention":
            given, x = keras.Input((5, 4), name="x"), normal(6, 5, 4)
            body = layers.LayerNormalization()(layers.MultiHeadAttention(2, 3)(given, given) + given)
            body = layers.GlobalAveragePooling1D()(body)
        case _:
            given, x = keras.Input((5,), dtype="int32", name="x"), np.arange(30).reshape(6, 5) % 7
            body = layers.GlobalAveragePooling1D()(layers.Embedding(7, 3)(given))
    return keras.Model(given, layers.Dense(2, name="head")(body), name="net"), {"x": x}


NETWORKS = ("dense", "silu", "convolution", "lstm", "bidirectional gru", "attention", "embedding")


def network(name: str) -> tuple[Any, Arrays]:
    """A small model with weights and statistics that are not their initial ones, and an input for it."""
    import keras

    keras.utils.set_random_seed(2)
    model, arrays = _network(keras, name)
    for number, variable in enumerate(model.weights):
        scale = 0.1 * np.random.default_rng(number).normal(size=variable.shape).astype(np.float32)
        variable.assign(variable + (abs(scale) if "variance" in variable.path else scale))
    return model, arrays


@pytest.mark.parametrize("kind", ["keras", "export"])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_bit_for_bit_those_of_the_model(
    interpret: Callable[..., Any], tmp_path: Path, name: str, kind: str
) -> None:
    model, arrays = network(name)
    expected = np.asarray(model(arrays["x"], training=False))

    (output,) = interpret(saved(model, tmp_path / "model", kind), arrays).values()

    np.testing.assert_array_equal(output, expected)


def saved(model: Any, path: Path, kind: str) -> Path:
    if kind == "keras":
        model.save(path.with_suffix(".keras"))
        return path.with_suffix(".keras")
    model.export(path, verbose=False)
    return path


@pytest.mark.parametrize(("kind", "training"), [("keras", True), ("export", False)])
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_the_model(
    interpret: Callable[..., Any], tmp_path: Path, name: str, kind: str, training: bool
) -> None:
    import tensorflow as tf

    model, arrays = network(name)
    path = saved(model, tmp_path / "model", kind)
    with tf.GradientTape() as tape:
        loss = mean_square([model(arrays["x"], training=training)])
    expected = tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    given = interpret(path, arrays, gradients=True)

    np.testing.assert_allclose(given["loss"], loss, rtol=1e-6)
    found = [value for key, value in given.items() if key not in ("output_0", "head", "loss", "executions")]
    assert len(found) == len(expected)
    wanted = [np.asarray(one.values if isinstance(one, tf.IndexedSlices) else one) for one in expected]
    largest = max(np.abs(one).max() for one in wanted)  # some are 0 but for rounding, such as a bias before a norm's
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6 * largest)


def _modules() -> dict[str, Any]:
    """Modules that a Keras model does not give: name to module and input."""
    import tensorflow as tf

    number = tf.TensorSpec((None, 3), tf.float32, name="x")

    class Clipped(tf.Module):
        def __init__(self) -> None:
            self.kernel = tf.Variable(tf.constant(normal(3, 2)))

        @tf.function(input_signature=[number])
        def __call__(self, x: Any) -> Any:
            @tf.custom_gradient
            def halved(z: Any) -> Any:
                return tf.exp(z), lambda dy: 0.5 * dy

            return halved(x @ self.kernel)

    class Branching(tf.Module):
        def __init__(self) -> None:
            self.scale = tf.Variable(2.0)

        @tf.function(input_signature=[number])
        def __call__(self, x: Any) -> Any:
            return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.exp(x) * self.scale, lambda: tf.sin(x) + self.scale)

    class Looping(tf.Module):
        def __init__(self) -> None:
            self.kernel = tf.Variable(tf.constant(normal(3, 3)))

        @tf.function(input_signature=[number])
        def __call__(self, x: Any) -> Any:
            return tf.while_loop(lambda i, _: i < 4, lambda i, a: (i + 1, tf.tanh(a @ self.kernel)), [0, x])[1]

    class Switching(tf.Module):
        def __init__(self) -> None:
            self.scale = tf.Variable(3.0)

        @tf.function(input_signature=[number])
        def __call__(self, x: Any) -> Any:
            branches = [lambda: x * self.scale, lambda: x + self.scale, lambda: x - self.scale]
            return tf.switch_case(tf.shape(x)[0] % 4, branches)

    class Nested(tf.Module):
        def __init__(self) -> None:
            self.kernel = tf.Variable(tf.constant(normal(3, 3)))

        @tf.function
        def inner(self, x: Any) -> Any:
            return tf.nn.softplus(x @ self.kernel)

        @tf.function(input_signature=[number])
        def __call__(self, x: Any) -> Any:
            return self.inner(self.inner(x)) - self.inner(x)

    class Counting(tf.Module):
        """Writes a variable and reads it again, thrice."""

        def __init__(self) -> None:
            self.kernel = tf.Variable(1.5)
            self.state = tf.Variable(1.0, trainable=False)

        @tf.function(input_signature=[number])
        def __call__(self, x: Any) -> Any:
            self.state.assign(tf.reduce_max(x))
            first = x * self.state
            self.state.assign_add(2.0)
            second = x * self.state
            self.state.assign_sub(5.0)
            return (first + second * self.state) * self.kernel

    made = [Clipped(), Branching(), Looping(), Switching(), Nested(), Counting()]
    return {type(module).__name__: module for module in made}


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", ["Clipped", "Branching", "Looping", "Switching", "Nested", "Counting"])
def test_control_flow_custom_gradients_and_assignments(
    interpret: Callable[..., Any], tmp_path: Path, name: str, sign: float
) -> None:
    import tensorflow as tf

    module, x = _modules()[name], sign * np.abs(normal(5, 3))
    tf.saved_model.save(module, str(tmp_path / name))
    with tf.GradientTape() as tape:
        outputs = module(x)
        loss = mean_square([outputs])
    expected = tape.gradient(loss, module.trainable_variables)

    given = interpret(tmp_path / name, {"x": x}, gradients=True)

    np.testing.assert_allclose(given["output_0"], outputs, rtol=1e-6)
    np.testing.assert_allclose(given["loss"], loss, rtol=1e-6)
    (found,) = [value for key, value in given.items() if key not in ("output_0", "loss", "executions")]
    np.testing.assert_allclose(found, expected[0], rtol=1e-5)


def test_each_turn_of_a_loop_is_executed(interpret: Callable[..., Any], tmp_path: Path) -> None:
    import tensorflow as tf

    counts = []
    for turns in (2, 5):

        class Looping(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
            def __call__(self, x: Any, turns: int = turns) -> Any:
                return tf.while_loop(lambda i, _: i < turns, lambda i, a: (i + 1, tf.tanh(a)), [0, x])[1]

        tf.saved_model.save(Looping(), str(tmp_path / f"loop{turns}"))
        from nandoctor.probes.models.load import load_subject
        from nandoctor.probes.steps.observation import Observations
        from nandoctor.probes.steps.run import run_batch
        from nandoctor.probes.steps.trace import Batch, tensors, trace_inference

        subject = load_subject(tmp_path / f"loop{turns}")
        batch = Batch(0, range(5), tensors({"x": normal(5, 3)}, subject.inputs), {})
        observations = Observations()
        run_batch(trace_inference(subject, batch), batch, observations, {}, {})
        counts.append([len(series) for (_, _), series in observations.series.items()])

    assert counts == [[2], [5]]


def test_strings_are_looked_up(interpret: Callable[..., Any], tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    text = keras.Input((1,), dtype="string", name="text")
    vectorized = keras.layers.TextVectorization(max_tokens=9, output_sequence_length=4, name="split")
    vectorized.adapt(["to be or not", "not to be"])
    embedded = keras.layers.Embedding(9, 3, name="words")(vectorized(text))
    model = keras.Model(text, keras.layers.GlobalAveragePooling1D(name="mean")(embedded))
    words = np.array([["to be"], ["or else"], ["not"]])
    expected = np.asarray(model(tf.constant(words)))

    for kind in ("keras", "export"):
        (output,) = interpret(saved(model, tmp_path / kind, kind), {"text": words}).values()
        np.testing.assert_array_equal(output, expected)


def test_ragged_inputs(interpret: Callable[..., Any], tmp_path: Path) -> None:
    import tensorflow as tf

    class Mean(tf.Module):
        def __init__(self) -> None:
            self.kernel = tf.Variable(tf.ones((2, 1)))

        @tf.function(input_signature=[tf.RaggedTensorSpec((None, None, 2), tf.float32, ragged_rank=1)])
        def __call__(self, x: Any) -> Any:
            return tf.reduce_mean(x, 1) @ self.kernel

    module = Mean()
    tf.saved_model.save(module, str(tmp_path / "ragged"))
    x = tf.RaggedTensor.from_row_lengths(normal(6, 2), [1, 2, 3])

    (output,) = interpret(tmp_path / "ragged", {"x": x}).values()

    np.testing.assert_array_equal(output, module(x))


def test_several_inputs_and_outputs(interpret: Callable[..., Any], tmp_path: Path) -> None:
    import keras

    wide, extra = keras.Input((3,), name="wide"), keras.Input((2,), name="extra")
    both = keras.layers.Concatenate()([wide, extra])
    heads = {"b": keras.layers.Dense(1, name="one")(both), "a": keras.layers.Dense(2, name="two")(wide)}
    model = keras.Model({"wide": wide, "extra": extra}, heads)
    arrays = {"wide": normal(4, 3), "extra": normal(4, 2)}
    expected = model(arrays)

    for kind in ("keras", "export"):
        given = interpret(saved(model, tmp_path / kind, kind), arrays)
        assert set(given) == {"a", "b"}
        for name, output in given.items():
            np.testing.assert_array_equal(output, expected[name])


@pytest.mark.parametrize("old_control_flow", [False, True])
def test_models_of_tensorflow_1(interpret: Callable[..., Any], tmp_path: Path, old_control_flow: bool) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    if old_control_flow:
        v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
            x = v1.placeholder(tf.float32, (None, 3), name="x")
            kernel = v1.get_variable("kernel", initializer=normal(3, 3), use_resource=True)
            y = tf.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, tf.tanh(a @ kernel)), [tf.constant(0), x])[1]
            session.run(v1.global_variables_initializer())
            builder = v1.saved_model.Builder(str(tmp_path / "old"))
            signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
            builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map={"serving_default": signature})
            builder.save()
            expected = session.run(y, {x: normal(4, 3)})
    finally:
        v1.enable_control_flow_v2()

    given = interpret(tmp_path / "old", {"x": normal(4, 3)})

    np.testing.assert_allclose(given["y"], expected, rtol=1e-6)


def hashes(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


@pytest.mark.parametrize("kind", ["keras", "export"])
def test_a_scan_changes_neither_files_nor_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    import keras

    from nandoctor.probes.models import load

    keras.utils.set_random_seed(1)
    given = keras.Input((4,), name="x")
    body = keras.layers.BatchNormalization()(keras.layers.Dense(8, activation="relu")(given))
    body = keras.layers.Dropout(0.5, seed=3)(keras.layers.GaussianNoise(0.1, seed=4)(body))
    model = keras.Model(given, keras.layers.Dense(1)(body))
    model.compile("adam", "mse")
    model.fit(normal(32, 4), normal(32, 1), verbose=0)
    path = saved(model, tmp_path / "model", kind)
    np.savez(tmp_path / "data.npz", x=normal(40, 4), y=normal(40, 1))
    subjects: list[Any] = []
    before: list[np.ndarray] = []
    plain = load.load_subject

    def remembered(*arguments: Any, **options: Any) -> Any:
        subject = plain(*arguments, **options)
        subjects.append(subject)
        before.extend(named.variable.numpy() for named in subject.variables)
        return subject

    monkeypatch.setattr(load, "load_subject", remembered)
    files = hashes(path) | hashes(tmp_path / "data.npz")

    report = scan(path, tmp_path / "data.npz", labels="y", batch_size=16, max_batches=3)

    assert report.summary.error == 0
    assert hashes(path) | hashes(tmp_path / "data.npz") == files
    (subject,) = subjects
    assert len(before) == len(subject.variables) > 0
    for named, value in zip(subject.variables, before, strict=True):
        np.testing.assert_array_equal(named.variable.numpy(), value, err_msg=named.name)
