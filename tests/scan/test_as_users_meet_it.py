"""Situations that users brought: the root first, its line, and words that help."""

from pathlib import Path

import numpy as np
import pytest

from nandoctor.errors import NandoctorError

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import keras

    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("regression") / "model.keras"
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="head", kernel_initializer="ones")])
    model.compile("adam", "mse")
    model.save(path)
    return path


def data(path: Path, **more: np.ndarray) -> Path:
    x = np.random.default_rng(0).standard_normal((16, 2)).astype(np.float32)
    x[5] = [1.0, 2.0]
    np.savez(path, x=x, **more)
    return path


def test_a_division_in_the_branch_not_taken_is_a_trap_with_its_line(regression: Path, tmp_path: Path):
    from nandoctor.api import scan

    source = tmp_path / "losses.py"
    source.write_text(
        "import tensorflow as tf\n\n\n"
        "def inverse(y_true, y_pred):\n"
        "    d = y_true - y_pred\n"
        "    return tf.where(tf.abs(d) > 1e-6, 1.0 / d, tf.zeros_like(d))\n"
    )
    y = np.zeros((16, 1), np.float32)
    y[5] = 3.0

    root = scan(regression, data(tmp_path / "d.npz", y=y), loss=f"{source}:inverse").findings[0]

    assert (root.cause, root.location.file, root.location.line) == ("where-gradient-trap", str(source), 6)
    assert (root.location.op, root.location.rows) == ("truediv", (5,))


def test_the_same_input_gives_the_same_report_byte_for_byte(regression: Path, tmp_path: Path):
    from nandoctor.api import scan
    from nandoctor.reports.formats import ReportFormat, render

    file = data(tmp_path / "d.npz", y=np.full((16, 1), 1e25, np.float32))
    reports = [scan(regression, file) for _ in range(2)]

    assert reports[0].summary.error
    for name in ReportFormat:
        assert render(reports[0], name) == render(reports[1], name)


def test_a_mistake_in_the_users_loss_is_told_by_its_line(regression: Path, tmp_path: Path):
    from nandoctor.api import scan

    source = tmp_path / "losses.py"
    source.write_text("def loss(y_true, y_pred):\n    return undefined_name\n")
    y = np.zeros((16, 1), np.float32)

    with pytest.raises(NandoctorError, match=r"undefined_name.*losses\.py:2") as caught:
        scan(regression, data(tmp_path / "d.npz", y=y), loss=f"{source}:loss")

    assert caught.value.exit_code == 2


def test_labels_that_were_not_recognised_and_a_loss_that_did_not_run_are_told(regression: Path, tmp_path: Path):
    from nandoctor.api import scan

    report = scan(regression, data(tmp_path / "d.npz", outcome=np.arange(20.0)))

    assert any("feed nothing: outcome" in notice for notice in report.notices)
    assert any("mean_squared_error) was not run" in notice for notice in report.notices)


def test_an_inferred_loss_is_told_among_the_notices(tmp_path: Path):
    import keras

    from nandoctor.api import scan

    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="head")]).save(tmp_path / "m.keras")
    report = scan(tmp_path / "m.keras", data(tmp_path / "d.npz", y=np.linspace(0, 1, 16)))

    assert any("inferred mean_squared_error" in notice for notice in report.notices)


def test_an_impossible_variance_is_the_root_of_its_square_root(tmp_path: Path):
    import keras

    from nandoctor.api import scan

    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization(name="bn")])
    model.layers[0].moving_variance.assign([1.0, -0.5])
    model.save(tmp_path / "m.keras")

    report = scan(tmp_path / "m.keras", data(tmp_path / "d.npz"))

    root = report.findings[0]
    assert (root.cause, root.location.layer) == ("nonfinite-weights", "bn")
    assert [one.cause for one in root.consequences] == ["invalid-domain"]
    assert report.check_numerics is not None
    assert report.check_numerics["tripped"]


def test_weights_that_are_all_nan_are_one_finding(tmp_path: Path):
    import keras

    from nandoctor.api import scan

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(1, name="b")])
    model.set_weights([np.full_like(one, np.nan) for one in model.get_weights()])
    model.save(tmp_path / "m.keras")

    report = scan(tmp_path / "m.keras", data(tmp_path / "d.npz"))

    errors = [one for one in report.findings if one.severity == "error" and one.cause != "hidden-nonfinite"]
    assert [one.cause for one in errors] == ["nonfinite-weights"]
    assert errors[0].evidence["variables"] == 4
