"""What goes wrong after a NaN was swallowed follows from that NaN."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


def test_a_division_by_a_count_of_comparisons_with_nan_is_no_root_of_its_own(tmp_path: Path):
    import tensorflow as tf

    from nandoctor.api import scan

    class MeanOfPositives(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])
        def __call__(self, x):
            count = tf.reduce_sum(tf.cast(x > 0, tf.float32), axis=1)  # NaN > 0 is False: the NaN ends here
            return 1.0 / count

    tf.saved_model.save(MeanOfPositives(), str(tmp_path / "model"))
    np.savez(tmp_path / "d.npz", x=np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, 1.0]], np.float32))

    root = scan(tmp_path / "model", tmp_path / "d.npz").findings[0]

    assert (root.cause, root.location.dataset_rows) == ("nan-in-data", (1,))
    assert "division-by-zero" in [one.cause for one in root.consequences]


def test_values_that_the_model_replaces_on_purpose_are_a_note(tmp_path: Path):
    import keras

    from nandoctor.api import scan

    inputs = keras.Input((2,), name="x")
    known = keras.ops.where(keras.ops.isnan(inputs), 0.0, inputs)
    keras.Model(inputs, keras.layers.Dense(1)(known)).save(tmp_path / "model.keras")
    x = np.ones((32, 2), np.float32)
    x[3, 1] = np.nan
    np.savez(tmp_path / "data.npz", x=x)

    found = scan(tmp_path / "model.keras", tmp_path / "data.npz").findings

    assert ("nan-in-data", "note") in [(one.cause, one.severity) for one in found]
    assert all(one.severity == "note" for one in found)
