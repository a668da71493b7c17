"""The compiled run beside ours, TensorFlow's own instrument, and source lines: on real saved models."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def relu_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Dense-relu network, whose fused kernel turns NaN into 0 (design: with oneDNN on CPU)."""
    import keras

    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("relu") / "model"
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8, "relu", name="hidden"), keras.layers.Dense(1, name="head")]
    )
    model.export(str(path), verbose=False)
    return path


def data_with(path: Path, *bad: tuple[int, int, float], rows: int = 16) -> Path:
    x = np.random.default_rng(0).standard_normal((rows, 4)).astype(np.float32)
    for row, column, value in bad:
        x[row, column] = value
    np.savez(path, x=x)
    return path


def test_check_numerics_is_kept_beside_the_finding_and_left_disabled(relu_model: Path, tmp_path: Path):
    import tensorflow as tf

    from nandoctor.api import scan

    report = scan(relu_model, data_with(tmp_path / "x.npz", (3, 1, np.nan)))

    assert report.check_numerics is not None
    assert report.check_numerics["tripped"] is True
    assert report.check_numerics["sees_inside"] is False
    assert "NaN" in report.check_numerics["message"]
    assert np.isinf(tf.function(tf.math.log)(tf.constant([0.0])).numpy()).all()


def test_check_numerics_sees_inside_a_keras_file(tmp_path: Path):
    import keras

    from nandoctor.api import scan

    inputs = keras.Input((2,))
    keras.Model(inputs, keras.ops.log(inputs)).save(tmp_path / "m.keras")
    np.savez(tmp_path / "x.npz", x=np.array([[1.0, 2.0], [0.0, 1.0]], np.float32))

    said = scan(tmp_path / "m.keras", tmp_path / "x.npz").check_numerics

    assert said is not None
    assert (said["tripped"], said["sees_inside"], said["op_type"]) == (True, True, "Log")


def test_check_numerics_can_be_left_out(relu_model: Path, tmp_path: Path):
    from nandoctor.api import scan

    assert scan(relu_model, data_with(tmp_path / "x.npz"), check_numerics=False).check_numerics is None


def test_what_a_fused_relu_hides_is_reported(relu_model: Path, tmp_path: Path):
    import tensorflow as tf

    from nandoctor.api import scan

    x = data_with(tmp_path / "x.npz", (3, 1, np.nan))
    restored = tf.saved_model.load(str(relu_model))
    served = restored.serve(np.load(x)["x"])
    if np.isnan(served.numpy()).any():
        pytest.skip("this build of TensorFlow does not hide the NaN: no oneDNN fusion")

    report = scan(relu_model, x)

    causes = [finding.cause for finding in report.findings]
    assert causes[0] == "nan-in-data"
    assert report.findings[0].location.dataset_rows == (3,)
    assert "hidden-nonfinite" in causes


def test_a_source_line_comes_from_the_saved_debug_information(tmp_path: Path):
    import tensorflow as tf

    from nandoctor.api import scan

    class Surprise(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])
        def __call__(self, x):
            return tf.math.log(x)  # the line to name

    options = tf.saved_model.SaveOptions(save_debug_info=True)
    tf.saved_model.save(Surprise(), str(tmp_path / "model"), options=options)
    np.savez(tmp_path / "x.npz", x=np.array([[1.0, 2.0], [0.0, 1.0]], np.float32))

    location = scan(tmp_path / "model", tmp_path / "x.npz").findings[0].location

    assert location.file == __file__
    assert location.code == "return tf.math.log(x)  # the line to name"
    assert location.function == "__call__"


def test_a_source_line_of_the_users_loss_comes_from_the_trace(relu_model: Path, tmp_path: Path):
    from nandoctor.api import scan

    source = tmp_path / "losses.py"
    source.write_text(
        "import tensorflow as tf\n\n\ndef loss(y_true, y_pred):\n    return tf.math.log(y_true) - y_pred\n"
    )
    data = data_with(tmp_path / "x.npz")
    np.savez(data, x=np.load(data)["x"], y=np.array([[1.0]] * 15 + [[0.0]], np.float32))

    finding = scan(relu_model, data, loss=f"{source}:loss").findings[0]

    assert (finding.cause, finding.location.file, finding.location.line) == ("log-of-zero", str(source), 5)
    assert finding.location.rows == (15,)


def test_without_debug_information_no_line_is_claimed(relu_model: Path, tmp_path: Path):
    from nandoctor.api import scan

    location = scan(relu_model, data_with(tmp_path / "x.npz", (3, 1, 1e38), (3, 2, 3e38))).findings[0].location

    assert (location.file, location.line, location.code) == (None, None, None)
