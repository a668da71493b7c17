from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

from nandoctor.probes.source import ops
from nandoctor.probes.source.text import Edit, Source, UnwritableError

HEAD = "import keras\nimport math\nimport numpy as np\nimport tensorflow as tf\nfrom keras import ops\n"
LINE = 6


def after(line: str, write: Callable[[Source], list[Edit]], head: str = HEAD) -> str:
    """The line once the edits are made, in a file that has it below its imports."""
    source = Source(head + line + "\n")
    changed = source.changed(write(source))
    assert changed.startswith(head)
    return changed.removeprefix(head).removesuffix("\n")


@pytest.mark.parametrize(
    ("op_type", "before", "expected"),
    [
        ("Log", "y = tf.math.log(p)", "y = tf.math.log(tf.maximum(p, 1e-7))"),
        ("Log", "y = tf.math.log(1 - p)", "y = tf.math.log(tf.maximum(1 - p, 1e-7))"),
        ("Log", "y = tf.math.log((1 - p))", "y = tf.math.log((tf.maximum(1 - p, 1e-7)))"),
        ("Log", "y = ops.log(p) * q", "y = ops.log(ops.maximum(p, 1e-7)) * q"),
        ("Log", "y = keras.ops.log(x=p)", "y = keras.ops.log(x=ops.maximum(p, 1e-7))"),
        ("Log", "y = np.log(p)", "y = np.log(np.maximum(p, 1e-7))"),
        ("Log", "y = math.log(p)", "y = math.log(max(p, 1e-7))"),
        (
            "Log",
            "y = tf.math.log(p) + tf.math.log(q)",
            "y = tf.math.log(tf.maximum(p, 1e-7)) + tf.math.log(tf.maximum(q, 1e-7))",
        ),
        (
            "Log",
            "y = tf.math.log(tf.math.log(p))",
            "y = tf.math.log(tf.maximum(tf.math.log(tf.maximum(p, 1e-7)), 1e-7))",
        ),
        ("Log", "ü = 'ä'; y = tf.math.log(é)", "ü = 'ä'; y = tf.math.log(tf.maximum(é, 1e-7))"),
        ("Log1p", "y = tf.math.log1p(p)", "y = tf.math.log1p(tf.maximum(p, -1 + 1e-6))"),
        ("Sqrt", "y = tf.sqrt(p - q)", "y = tf.sqrt(tf.maximum(p - q, 1e-12))"),
        ("Pow", "y = tf.pow(p, 0.3)", "y = tf.pow(tf.maximum(p, 1e-6), 0.3)"),
        ("Pow", "y = p ** 0.3", "y = tf.maximum(p, 1e-6) ** 0.3"),
        ("Acos", "y = tf.acos(p)", "y = tf.acos(tf.clip_by_value(p, -1 + 1e-6, 1 - 1e-6))"),
        ("Exp", "y = tf.exp(p)", "y = tf.exp(tf.clip_by_value(p, -20.0, 20.0))"),
        ("Exp", "y = ops.exp(p)", "y = ops.exp(ops.clip(p, -20.0, 20.0))"),
    ],
)
def test_an_argument_is_kept_in_the_domain(op_type: str, before: str, expected: str) -> None:
    assert after(before, lambda source: ops.guarded_argument(source, LINE, op_type)) == expected


def test_the_call_may_stand_on_several_lines() -> None:
    before = "y = tf.math.log(  # of a chance\n    p\n    + q,\n)"

    found = after(before, lambda source: ops.guarded_argument(source, LINE, "Log", "1e-3"))

    assert found == "y = tf.math.log(  # of a chance\n    tf.maximum(p\n    + q, 1e-3),\n)"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("y = a / b", "y = tf.math.divide_no_nan(a, b)"),
        ("y = a * c / (b * d) - 1", "y = tf.math.divide_no_nan(a * c, (b * d)) - 1"),
        ("y = (a + c) / b", "y = tf.math.divide_no_nan((a + c), b)"),
        ("y = tf.divide(a, b)", "y = tf.math.divide_no_nan(a, b)"),
        ("y = a / b / 2", "y = tf.math.divide_no_nan(a, b) / 2"),
        ("y /= b + 1", "y = tf.math.divide_no_nan(y, b + 1)"),
    ],
)
def test_a_division_is_0_where_its_divisor_is(before: str, expected: str) -> None:
    assert after(before, lambda source: ops.no_nan_division(source, LINE)) == expected


def test_a_file_without_tensorflow_divides_by_keras() -> None:
    head = "from keras import ops\n" * 5

    assert after("y = a / b", lambda source: ops.no_nan_division(source, LINE), head) == "y = ops.divide_no_nan(a, b)"


def test_a_divisor_is_kept_from_0_on_its_own_side() -> None:
    signed = after("y = a / (b - c)", lambda source: ops.kept_divisor(source, LINE, "1e-6", signed=True))

    assert after("y = a / b", lambda source: ops.kept_divisor(source, LINE, "1e-6", signed=False)) == (
        "y = a / tf.maximum(b, 1e-6)"
    )
    for divisor, expected in ((0.0, 1e-6), (-1e-9, -1e-6), (-3.0, -3.0), (2.0, 2.0)):
        names = {"a": 1.0, "b": divisor, "c": 0.0, "tf": Scalars}
        exec(signed, names)
        assert names["y"] == pytest.approx(1.0 / expected)


class Scalars:
    """`tf.where` of numbers."""

    where = staticmethod(lambda condition, yes, no: yes if condition else no)


@pytest.mark.parametrize(
    ("op_type", "before", "expected"),
    [
        (
            "Log",
            "y = tf.where(p > 0, tf.math.log(p), 0.0)",
            "y = tf.where(p > 0, tf.math.log(tf.where(p > 0, p, tf.ones_like(p))), 0.0)",
        ),
        (
            "Log",
            "y = tf.where(p <= 0, 0.0, tf.math.log(p))",
            "y = tf.where(p <= 0, 0.0, tf.math.log(tf.where(p <= 0, tf.ones_like(p), p)))",
        ),
        (
            "RealDiv",
            "y = tf.where(b > 0, a / b, 0.0)",
            "y = tf.where(b > 0, a / tf.where(b > 0, b, tf.ones_like(b)), 0.0)",
        ),
    ],
)
def test_what_a_guarded_branch_is_given_is_made_safe_too(op_type: str, before: str, expected: str) -> None:
    assert after(before, lambda source: ops.double_where(source, LINE, op_type)) == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("y = tf.sqrt(p)", "y = tf.sqrt(p + 1e-12)"),
        ("y = tf.math.reduce_std(p, axis=1)", "y = tf.sqrt(tf.math.reduce_variance(p, axis=1) + 1e-12)"),
        ("y = ops.std(p, axis=1)", "y = ops.sqrt(ops.var(p, axis=1) + 1e-12)"),
        ("y = tf.norm(p - q, axis=-1)", "y = tf.sqrt(tf.reduce_sum(tf.square(p - q), axis=-1) + 1e-12)"),
    ],
)
def test_an_epsilon_is_put_under_a_root(before: str, expected: str) -> None:
    assert after(before, lambda source: ops.epsilon_under_root(source, LINE)) == expected


def test_log_cosh_is_written_in_its_stable_form() -> None:
    assert after("y = tf.math.log(tf.math.cosh(p - q))", lambda source: ops.stable_log_cosh(source, LINE)) == (
        "y = ((p - q) + tf.math.softplus(-2.0 * (p - q)) - tf.math.log(2.0))"
    )


@pytest.mark.parametrize(
    ("line", "write", "reason"),
    [
        ("y = a / b + c / d", lambda source: ops.no_nan_division(source, LINE), "there are 2 divisions on line 6"),
        ("y = a * b", lambda source: ops.no_nan_division(source, LINE), "no division was found on line 6"),
        ("y = a \\\n / b", lambda source: ops.no_nan_division(source, LINE), "written over several lines"),
        ("y = my.log(p)", lambda source: ops.guarded_argument(source, LINE, "Log"), "no Log was found on line 6"),
        ("y = tf.math.log(*p)", lambda source: ops.guarded_argument(source, LINE, "Log"), "is not written there"),
        ("y = tf.norm(p, ord=1)", lambda source: ops.epsilon_under_root(source, LINE), "not the plain Euclidean one"),
        ("y = tf.math.log(p)", lambda source: ops.double_where(source, LINE, "Log"), "not in the same statement"),
        ("y = tf.math.log(p)", lambda source: ops.stable_log_cosh(source, LINE), "no log(cosh(x)) was found"),
    ],
)
def test_what_is_not_clear_is_not_written(line: str, write: Callable[[Source], list[Edit]], reason: str) -> None:
    with pytest.raises(UnwritableError, match=reason.replace("(", r"\(").replace(")", r"\)")):
        after(line, write)


def test_a_parameter_hides_a_library() -> None:
    source = Source(textwrap.dedent(HEAD) + "def loss(tf, p):\n    return tf.math.log(p)\n")

    with pytest.raises(UnwritableError, match="no Log was found"):
        ops.guarded_argument(source, LINE + 1, "Log")
