"""Values that TensorFlow itself refuses: the scan says so and does not break off."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


def test_a_class_id_outside_of_the_head_is_named_as_the_root(tmp_path: Path):
    import keras

    from nandoctor.api import scan

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax", name="head")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(tmp_path / "m.keras")
    labels = np.arange(64) % 3
    labels[[5, 40]] = [3, -1]
    np.savez(tmp_path / "d.npz", x=np.ones((64, 4), np.float32), y=labels)

    root = scan(tmp_path / "m.keras", tmp_path / "d.npz").findings[0]

    assert (root.cause, root.severity, root.location.dataset_rows) == ("labels-out-of-range", "error", (5, 40))
    assert [one.cause for one in root.consequences] == ["op-raises-error"]
    assert "[0, 3)" in root.consequences[0].message


def test_an_id_outside_of_the_table_is_an_error_at_its_layer(tmp_path: Path):
    import keras

    from nandoctor.api import scan

    model = keras.Sequential([keras.Input((3,), dtype="int32"), keras.layers.Embedding(10, 2, name="words")])
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "d.npz", x=np.array([[0, 1, 2]] * 40 + [[7, 10, 9]], np.int32))

    report = scan(tmp_path / "m.keras", tmp_path / "d.npz")

    (finding,) = [one for one in report.findings if one.severity == "error"]
    assert (finding.cause, finding.location.layer, finding.location.batch) == ("op-raises-error", "words", 1)
    assert finding.evidence["batches"] == 1
