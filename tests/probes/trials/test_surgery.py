"""Remedies tried on captured steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nandoctor.finding import Finding

pytestmark = pytest.mark.tensorflow

BAD = 2
W = np.array([1.0, 2.0], np.float32)


def rows(bad: float, good: float = 1.0) -> np.ndarray:
    """Five rows of two numbers; the third holds the bad one."""
    found = np.linspace(good, 1.5 * good, 10, dtype=np.float32).reshape(5, 2)
    found[BAD] = bad
    return found


def guarded(tf: Any, w: Any, x: Any) -> Any:
    return tf.where(x > 0.0, tf.math.log(w * x), 0.0)


def hinted(tf: Any, w: Any, x: Any) -> Any:
    return tf.where(x > 0.5, 1.0 / (w * x), 0.0)


def masked(tf: Any, w: Any, x: Any) -> Any:
    return tf.nn.softmax(tf.where(x > 5.0, -np.inf, w * x))


def halved(tf: Any, w: Any, x: Any) -> Any:
    return tf.cast(tf.square(tf.cast(w * x, tf.float16)), tf.float32)


def by_hand(tf: Any, w: Any, x: Any) -> Any:
    exponentials = tf.exp(w * x)
    return (exponentials / tf.reduce_sum(exponentials, axis=-1, keepdims=True))[:, 0]


CASES: dict[str, tuple[Callable[..., Any], np.ndarray, str, dict[str, str]]] = {
    "log of 0": (lambda tf, w, x: tf.math.log(w * x), rows(0.0), "log-of-zero", {"clip-argument": "verified"}),
    "log of -1": (
        lambda tf, w, x: tf.math.log(w * x),
        rows(-1.0),
        "log-of-negative",
        {"clip-argument": "verified", "positive-activation": "untried"},
    ),
    "1 / 0": (
        lambda tf, w, x: 1.0 / (w * x),
        rows(0.0),
        "division-by-zero",
        {"divide-no-nan": "verified", "epsilon": "verified"},
    ),
    "signed divisor": (
        lambda tf, w, x: 1.0 / (w * x),
        rows(0.0, -1.0),
        "division-by-zero",
        {"divide-no-nan": "verified", "signed-epsilon": "verified"},
    ),
    "sqrt of -1": (lambda tf, w, x: tf.sqrt(w * x), rows(-1.0), "invalid-domain", {"clip-argument": "verified"}),
    "sqrt of 0": (
        lambda tf, w, x: tf.sqrt(w * x),
        rows(0.0),
        "sqrt-gradient-at-zero",
        {"epsilon-under-root": "verified", "squared": "untried"},
    ),
    "acos of 2": (lambda tf, w, x: tf.acos(w * x), rows(2.0, 0.1), "invalid-domain", {"clip-argument": "verified"}),
    "pow at 0": (lambda tf, w, x: tf.pow(w * x, 0.5), rows(0.0), "pow-gradient", {"positive-base": "verified"}),
    "exp of 200": (lambda tf, w, x: tf.exp(w * x), rows(200.0), "exp-overflow", {"clip-argument": "verified"}),
    "log-cosh": (
        lambda tf, w, x: tf.math.log(tf.cosh(w * x)),
        rows(200.0),
        "hyperbolic-overflow",
        {"log-cosh": "verified", "scale-argument": "verified"},
    ),
    "softmax by hand": (
        by_hand,
        rows(200.0),
        "exp-overflow",
        {"clip-argument": "verified", "stable-form": "verified"},
    ),
    "all masked": (
        masked,
        rows(9.0),
        "softmax-of-all-minus-inf",
        {"finite-mask": "verified", "keep-one": "verified"},
    ),
    "where and log": (guarded, rows(0.0), "where-gradient-trap", {"double-where": "verified"}),
    "where and division": (hinted, rows(0.0), "where-gradient-trap", {"double-where": "verified"}),
    "square in float16": (
        halved,
        rows(300.0),
        "float16-overflow",
        {"op-in-float32": "verified", "bfloat16": "verified", "drop-rows": "verified"},
    ),
    "square": (
        lambda tf, w, x: tf.square(w * x),
        rows(1e25),
        "pow-overflow",
        {"scale-base": "untried", "log-domain": "untried", "drop-rows": "verified"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_local_remedy_is_verified_and_leaves_the_good_rows_as_they_were(
    first: Callable[..., Finding], case: str
) -> None:
    import tensorflow as tf

    function, x, cause, verdicts = CASES[case]

    found = first(lambda weight, x, y: tf.reduce_mean(function(tf, weight, x)), x, W)

    assert (found.cause, found.location.rows) == (cause, (BAD,))
    assert {one.id: one.verdict for one in found.remedies} == verdicts
    assert found.remedies[0].verdict == "verified"
    for remedy in found.remedies:
        if remedy.verdict == "verified":
            trial = remedy.trial
            assert (trial["rows_unchanged"], trial["rows_compared"]) == (4, 4)
            assert np.isfinite(trial["loss_after"])
            assert np.isfinite(trial["gradient_norm"])
            assert trial["updated_with"] == "w - 0.1 g"


def of_the_chosen(tf: Any, logits: Any) -> Any:
    return tf.math.log(tf.nn.softmax(logits)[:, 0])


def of_both(tf: Any, logits: Any) -> Any:
    probability = tf.sigmoid(logits)[:, 0]
    return tf.math.log(probability) + tf.math.log(1.0 - probability)


@pytest.mark.parametrize(("logarithm", "margin"), [(of_the_chosen, 600.0), (of_both, 300.0)])
def test_a_loss_from_logits_is_that_of_probabilities_where_these_are_fine(
    first: Callable[..., Finding], logarithm: Any, margin: float
) -> None:
    import tensorflow as tf

    def loss(weight: Any, x: Any, _y: Any) -> Any:
        return -tf.reduce_mean(logarithm(tf, weight * x))

    logits = np.array([0.2, -0.1, -300.0, 0.3, -0.2], np.float32)
    x = np.stack([logits, -logits], axis=1)

    found = first(loss, x, np.ones(2, np.float32))

    remedies = {one.id: one for one in found.remedies}
    trial = remedies["loss-from-logits"].trial
    assert found.cause == "log-of-zero"
    assert [one.id for one in found.remedies] == ["clip-argument", "loss-from-logits"]
    assert (trial["rows_unchanged"], trial["rows_compared"]) == (4, 4)
    assert trial["loss_after"] == pytest.approx(margin / 5, rel=0.05)


def test_a_remedy_that_changes_good_rows_is_not_enough(first: Callable[..., Finding]) -> None:
    import tensorflow as tf

    x = np.array([[2.0, 1.0], [1e-9, 1e-9], [0.0, 0.0], [1.0, 1.0]], np.float32)

    found = first(lambda weight, x, y: tf.reduce_mean(tf.math.log(weight * x)), x, W)

    (clip,) = found.remedies
    assert clip.verdict == "not-enough"
    assert (clip.trial["rows_unchanged"], clip.trial["rows_compared"]) == (2, 3)
    assert clip.trial["why"] == "it changes 1 of the 3 rows that were fine"
    assert found.message.endswith("The one remedy that was tried is not enough.")


def test_what_goes_wrong_next_is_named(first: Callable[..., Finding]) -> None:
    import tensorflow as tf

    def loss(weight: Any, x: Any, _y: Any) -> Any:
        return tf.reduce_mean(tf.math.log(weight * x) + tf.sqrt(x - 5.0))

    found = first(loss, rows(0.0), W)

    trials = {one.id: one.trial for one in found.remedies}
    assert {one.verdict for one in found.remedies} <= {"not-enough", "untried"}
    assert any(one.get("next_cause") in ("invalid-domain", "log-of-zero") for one in trials.values())


def test_rows_that_tensorflow_refuses_are_left_out(first: Callable[..., Finding]) -> None:
    import tensorflow as tf

    def loss(weight: Any, x: Any, y: Any) -> Any:
        return tf.reduce_sum(tf.gather(weight, y)) + tf.reduce_sum(x)

    found = first(loss, rows(1.0), W, np.array([0, 1, 7, 1, 0]))

    assert found.cause == "op-raises-error"
    remedy = found.remedies[0]
    assert (remedy.id, remedy.verdict, remedy.trial["loss_before"]) == ("drop-rows", "verified", "refused")
    assert (remedy.trial["rows_unchanged"], remedy.trial["rows_compared"]) == (4, 4)


def test_a_fault_of_every_row_leaves_none_to_compare(first: Callable[..., Finding]) -> None:
    import tensorflow as tf

    found = first(lambda weight, x, y: tf.reduce_mean(tf.math.log(0.0 * weight) * x), rows(1.0), W)

    remedy = found.remedies[0]
    assert (remedy.verdict, remedy.trial["rows_compared"]) == ("verified", 0)
