from __future__ import annotations

import pytest

from nandoctor.probes.source.handed import bounded_on_the_line, bounded_schedule, guarded_constraint
from nandoctor.probes.source.masks import finite_mask
from nandoctor.probes.source.text import Source, UnwritableError

SCHEDULE = """import keras
import math
import tensorflow as tf

class Decay(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return tf.sqrt(1.0 - step / 9)

class Unit(keras.constraints.Constraint):
    def __call__(self, w):
        return w / tf.norm(w)

def rate(epoch):
    return math.sqrt(1.0 - epoch)

def other(epoch):
    return math.sqrt(epoch)

callback = keras.callbacks.LearningRateScheduler(rate)
"""


def test_schedules_are_bounded_and_nothing_else() -> None:
    source = Source(SCHEDULE)

    changed = source.changed(bounded_schedule(source))

    expected = SCHEDULE.replace("tf.sqrt(1.0 - step / 9)", "tf.sqrt(tf.maximum(1.0 - step / 9, 0.0))")
    assert changed == expected.replace("math.sqrt(1.0 - epoch)", "math.sqrt(max(1.0 - epoch, 0.0))")


def test_of_a_schedule_whose_failing_op_is_known_that_one_is_bounded() -> None:
    source = Source(SCHEDULE.replace("tf.sqrt(1.0 - step / 9)", "tf.sqrt(0.1) * tf.math.rsqrt(step)"))

    changed = source.changed(bounded_on_the_line(source, 7, "Rsqrt"))

    assert changed == source.text.replace("rsqrt(step)", "rsqrt(tf.maximum(step, 1.0))")


def test_constraints_divide_by_what_may_be_0() -> None:
    source = Source(SCHEDULE)

    changed = source.changed(guarded_constraint(source))

    assert changed == SCHEDULE.replace("w / tf.norm(w)", "tf.math.divide_no_nan(w, tf.norm(w))")


@pytest.mark.parametrize("infinity", ["-np.inf", "float('-inf')", "-math.inf", "-float('inf')"])
def test_infinities_of_a_mask_become_finite(infinity: str) -> None:
    text = f"import math\nimport numpy as np\n\ndef f(x):\n    x = g(x, {infinity})\n    return h(x, np.inf)\n"
    source = Source(text)

    assert source.changed(finite_mask(source, 6)) == text.replace(infinity, "-1e9")
    with pytest.raises(UnwritableError, match="no infinity is written"):
        finite_mask(Source("def f(x):\n    return x\n"), 2)
