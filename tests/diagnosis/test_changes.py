from __future__ import annotations

from nandoctor.diagnosis.changes import changes
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.probes.source.text import Source

SCRIPT = """import keras
import tensorflow as tf


def loss(p):
    return tf.reduce_mean(tf.math.log(p))


model.compile(optimizer="adam", loss=loss)
model.fit(x, y)
"""


def finding(cause: str, *remedies: Remedy, phase: str = "forward", **place: object) -> Finding:
    location = Location(phase=phase, **place)  # type: ignore[arg-type]
    return Finding("ND201", cause, "error", "A title", "A message.", location=location, remedies=remedies)


def test_a_guard_is_written_at_the_line_that_was_found() -> None:
    clip = Remedy("clip-argument", "Keep the argument above zero: tf.math.log(tf.maximum(x, 1e-7))")

    (change,) = changes(finding("log-of-zero", clip, file="/a/train.py", line=6, op_type="Log"))

    assert (change.remedy, change.reach, change.file) == (clip, "op", "/a/train.py")
    assert change.write is not None
    source = Source(SCRIPT)
    assert source.changed(change.write(source)) == SCRIPT.replace("log(p)", "log(tf.maximum(p, 1e-7))")


def test_a_guard_has_no_place_without_a_line() -> None:
    assert changes(finding("log-of-zero", Remedy("clip-argument", "Clip at 1e-7"))) == ()


def test_what_changes_least_is_tried_first_and_what_may_help_anyhow_last() -> None:
    own = (Remedy("scale-data", "Scale"), Remedy("lower-learning-rate", "Slower"), Remedy("unknown", "Think"))

    found = changes(finding("learning-rate-too-high", *own, phase="update", step=9))

    assert [one.remedy.id for one in found] == [
        "lower-learning-rate",
        "scale-data",
        "much-lower-learning-rate",
        "clip-gradient",
    ]
    assert all(one.setting is not None for one in found if one.reach == "setting")


def test_the_first_step_does_not_depend_on_the_learning_rate() -> None:
    assert changes(finding("exp-overflow", step=0)) == ()
    assert changes(finding("exp-overflow", step=1)) != ()


def test_few_rows_can_be_left_out() -> None:
    (few,) = changes(finding("log-of-zero", dataset_rows=(3, 5)))
    many = changes(finding("log-of-zero", dataset_rows=tuple(range(100))))

    assert few.write is not None
    source = Source(f"import numpy as np\n{SCRIPT}")
    assert "x = np.delete(x, [3, 5], axis=0)\ny = np.delete(y, [3, 5], axis=0)\nmodel.fit" in source.changed(
        few.write(source)
    )
    assert many == ()
