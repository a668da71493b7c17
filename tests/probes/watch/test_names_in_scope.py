"""What the user's running code calls the tensors that an eager step was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


def test_a_variable_that_is_the_tensor_or_the_array_that_it_was_made_of() -> None:
    import tensorflow as tf

    from nandoctor.probes.watch.names_in_scope import names_in_scope

    advantages = np.array([0.5, np.nan])
    states = tf.ones([2, 3])

    def updating(unnamed: Any) -> dict[int, str]:
        return names_in_scope(unnamed)

    given = [states, tf.constant(advantages, tf.float32), tf.zeros([2]), tf.zeros([2, 4])]
    assert list(updating(given).values()) == ["states", "advantages", "tensor_1", "tensor_2"]


def test_two_tensors_do_not_share_a_name() -> None:
    import tensorflow as tf

    from nandoctor.probes.watch.names_in_scope import names_in_scope

    rows = np.arange(6, dtype=np.float32).reshape(2, 3)

    assert sorted(names_in_scope([tf.constant(one) for one in (rows, rows)]).values()) == ["rows", "tensor_1"]
