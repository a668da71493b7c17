from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nandoctor.probes.compat.debug_info import read_debug_info

pytestmark = pytest.mark.tensorflow


def test_the_lines_that_made_an_op_are_read(tmp_path: Path) -> None:
    import tensorflow as tf

    class Surprise(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32)])
        def __call__(self, x: Any) -> Any:
            return tf.math.log(x)

    options = tf.saved_model.SaveOptions(save_debug_info=True)
    tf.saved_model.save(Surprise(), str(tmp_path / "model"), options=options)

    found = read_debug_info(tmp_path / "model" / "debug" / "saved_model_debug_info.pb")

    file, line, function = found["Log"][-1]
    assert file == __file__
    assert "tf.math.log(x)" in Path(file).read_text().splitlines()[line - 1]
    assert function in ("__call__", None)


def test_a_file_that_is_something_else_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "other.pb").write_bytes(b"\xff\xff no protobuf")

    assert read_debug_info(tmp_path / "other.pb") == {}
    assert read_debug_info(tmp_path / "missing.pb") == {}
