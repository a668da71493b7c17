from __future__ import annotations

import pytest

from nandoctor.facts import SourceLine
from nandoctor.facts.written_call import kept_above, written_call


def line(code: str | None) -> SourceLine:
    return SourceLine("train.py", 7, "loss", code)


@pytest.mark.parametrize(
    ("code", "function", "argument"),
    [
        ("kl = 1 + tf.math.log(sigma) - mu", "tf.math.log", "sigma"),
        ("return -K.mean(K.log(p[:, 0] + 1))", "K.log", "p[:, 0] + 1"),
        ("with tape: loss = log(x)", "log", "x"),
        ("for x in rows: tf.math.log(x)", "tf.math.log", "x"),
        ("if tf.math.log(x) > 0:", "tf.math.log", "x"),
    ],
)
def test_the_one_call_on_the_line_is_quoted(code: str, function: str, argument: str) -> None:
    found = written_call(line(code), {"log"})

    assert found is not None
    assert (found.function, found.argument) == (function, argument)


@pytest.mark.parametrize(
    "code", [None, "", "log(a) + log(b)", "tf.reduce_sum(log(", "log1p(x)", "log(*x)", "log()", "p = softmax(x)"]
)
def test_what_is_not_one_whole_call_is_not_quoted(code: str | None) -> None:
    assert written_call(line(code), {"log"}) is None
    assert kept_above(line(code), "tf.math.log", "1e-7") == "tf.math.log(tf.maximum(the argument, 1e-7))"


@pytest.mark.parametrize(
    ("code", "clip"),
    [("ops.exp(x)", "ops.clip"), ("tf.math.exp(x)", "tf.clip_by_value"), ("K.exp(x)", "K.clip"), ("exp(x)", None)],
)
def test_the_function_that_clips_is_of_the_users_own_library(code: str, clip: str | None) -> None:
    found = written_call(line(code), {"exp"})

    assert found is not None
    assert found.clip == (clip or "tf.clip_by_value")


def test_the_bound_is_taken_of_the_users_own_module() -> None:
    assert kept_above(line("ops.log(x)"), "tf.math.log", "1e-7") == "ops.log(ops.maximum(x, 1e-7))"
    assert kept_above(line("y = log(x)"), "tf.math.log", "1e-7") == "log(tf.maximum(x, 1e-7))"
    assert kept_above(None, "tf.pow", "1e-6", ", exponent") == "tf.pow(tf.maximum(the argument, 1e-6), exponent)"
