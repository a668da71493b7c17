from __future__ import annotations

from pathlib import Path

from nandoctor.probes.source.traced import source_at

SOURCE = """import tensorflow as tf

def loss(y_true, y_pred):
    likelihood = tf.math.log(
        y_pred
    )
    return likelihood / tf.reduce_sum(y_pred)
"""


def test_what_stands_in_the_lines_is_told_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "losses.py"
    path.write_text(SOURCE)

    found = source_at([(str(path), 5), (str(path), 3)])

    assert found is not None
    ((operation,),) = [file.operations for file in found.files]
    assert (operation.kind, operation.place.line, operation.place.end_line) == ("log", 4, 6)


def test_what_is_not_there_or_is_no_python_says_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import keras\nprint 'no Python 3'\n")

    assert source_at([("<ipython-input-3>", 1), (str(tmp_path / "gone.py"), 1), (str(broken), 2)]) is None
    assert source_at([]) is None
