from __future__ import annotations

from collections.abc import Iterator

import pytest

from nandoctor.probes.compat.callbacks import seen, unseen
from nandoctor.probes.compat.eager_ops import listen

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def check_numerics() -> Iterator[None]:
    import tensorflow as tf

    tf.debugging.enable_check_numerics()
    yield
    tf.debugging.disable_check_numerics()


def test_an_instrument_of_the_script_does_not_see_what_is_done_unseen(check_numerics: None) -> None:
    import tensorflow as tf

    zero = tf.constant(0.0)
    with unseen():
        assert tf.math.log(zero) == -float("inf")
        traced = tf.function(tf.math.log).get_concrete_function(zero)
        with seen(), pytest.raises(tf.errors.InvalidArgumentError, match="Infinity"):
            tf.math.log(zero)
        assert tf.math.log(zero) == -float("inf")

    assert [op.type for op in traced.graph.get_operations()] == ["Placeholder", "Log", "Identity"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Infinity"):
        tf.math.log(zero)


def test_what_it_sees_of_a_traced_function_is_back_after_an_error(check_numerics: None) -> None:
    import tensorflow as tf

    function = tf.function(tf.math.log)
    with pytest.raises(KeyError), unseen():
        raise KeyError

    with pytest.raises(tf.errors.InvalidArgumentError, match="Infinity"):
        function(tf.constant(0.0))


def test_the_recorder_of_eager_steps_goes_on_listening() -> None:
    import tensorflow as tf

    told: list[str] = []
    x = tf.constant(1.0)
    with unseen():
        end = listen(lambda op, *_: told.append(op))
    tf.sqrt(x)
    with unseen():
        tf.exp(x)
        end()
    tf.sqrt(x)

    assert told == ["Sqrt", "Exp"]
