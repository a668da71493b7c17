"""A step differentiated anew is the step that was traced, as long as nothing in it is replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nandoctor.probes.steps.naming import is_gradient
from nandoctor.probes.steps.program import Kind
from nandoctor.probes.trials.differentiation import Differentiated, Site, Surgery
from nandoctor.probes.trials.forms import place_of
from nandoctor.probes.trials.patient import Patient

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(3).uniform(0.5, 1.5, (6, 4)).astype(np.float32)
W = np.array([0.3, 0.8, 1.1, 0.6], np.float32)


def plain(weight: Any, x: Any, _y: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.math.log(tf.linalg.matvec(x, weight)) / tf.sqrt(tf.reduce_sum(x, axis=1)))


def looped(weight: Any, x: Any, _y: Any) -> Any:
    import tensorflow as tf

    start = (tf.constant(0), tf.linalg.matvec(x, weight))
    _, found = tf.while_loop(lambda i, _: i < 3, lambda i, h: (i + 1, tf.tanh(h * weight[0])), start)
    return tf.reduce_sum(tf.square(found))


def branched(weight: Any, x: Any, _y: Any) -> Any:
    import tensorflow as tf

    return tf.cond(x[0, 0] > 0, lambda: tf.reduce_sum(tf.exp(x * weight)), lambda: tf.reduce_sum(weight))


def nested(weight: Any, x: Any, _y: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_sum(tf.function(lambda: tf.nn.softmax(x * weight) * x, autograph=False)())


def looked_up(weight: Any, x: Any, _y: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_sum(tf.gather(weight, [1, 2, 1]) ** 2) + tf.reduce_sum(x)


def custom(weight: Any, x: Any, _y: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_sum(tf.nn.silu(x * weight))


def penalized(weight: Any, x: Any, _y: Any) -> Any:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.reduce_sum(tf.sigmoid(x * weight))
    return value + tf.reduce_sum(tf.square(tape.gradient(value, x)))


STEPS = [plain, looped, branched, nested, looked_up, custom, penalized]


def run(patient: Patient, surgery: Surgery | None = None) -> Differentiated:
    losses = [place for place, (kind, _) in enumerate(patient.step.results) if kind == "loss"]
    return patient.run(patient.batch_of(0), losses, surgery or Surgery())


@pytest.mark.parametrize("loss", STEPS)
def test_it_is_the_traced_step(patient: Callable[..., Patient], loss: Any) -> None:
    one = patient(loss, X, W)
    traced = one.step.concrete(*one.batch_of(0).flat())

    found = run(one)

    assert found.loss == float(traced[0])
    known = found.sparse.get("weight", found.gradients["weight"])
    np.testing.assert_allclose(known, np.asarray(traced[1]), rtol=1e-6)
    assert found.bad is None


@pytest.mark.parametrize("loss", STEPS)
def test_each_op_replaced_by_itself_leaves_the_step_as_it_is_bit_for_bit(
    patient: Callable[..., Patient], loss: Any
) -> None:
    one = patient(loss, X, W)
    ops = [
        place_of(node)
        for node in one.step.flow.nodes.values()
        if node.instruction.kind is Kind.OP
        and len(node.instruction.outputs) == 1
        and not is_gradient(node.instruction.name)
    ]

    def itself(site: Site) -> Any:
        return site.run(site.inputs)

    before, after = run(one), run(one, Surgery(dict.fromkeys(ops, itself)))

    assert ops
    assert after.loss == before.loss
    np.testing.assert_array_equal(after.gradients["weight"], before.gradients["weight"])


def test_what_is_replaced_by_the_same_written_otherwise_differs_by_rounding_alone(
    patient: Callable[..., Patient],
) -> None:
    import tensorflow as tf

    one = patient(plain, X, W)
    (log,) = [place_of(node) for node in one.step.flow.nodes.values() if node.instruction.op_type == "Log"]

    def otherwise(site: Site) -> Any:
        return 2.0 * tf.math.log(tf.sqrt(site.inputs[0]))

    before, after = run(one), run(one, Surgery({log: otherwise}))

    assert after.loss == pytest.approx(before.loss, rel=1e-6)
    np.testing.assert_allclose(after.gradients["weight"], before.gradients["weight"], rtol=1e-5)


def test_the_gradient_is_that_of_the_replacement(patient: Callable[..., Patient]) -> None:
    one = patient(lambda weight, x, y: (x @ weight[:, None])[0, 0] ** 1.0, X, W)
    power = next(place_of(node) for node in one.step.flow.nodes.values() if node.instruction.op_type == "Pow")

    found = run(one, Surgery({power: lambda site: 3.0 * site.inputs[0]}))

    np.testing.assert_allclose(found.gradients["weight"], 3.0 * X[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("loss", "bad"),
    [
        (lambda tf, w, x: tf.reduce_sum(tf.math.log(0.0 * w * x)), ("Log", False, False)),
        (lambda tf, w, x: tf.reduce_sum(tf.sqrt(0.0 * w * x)), ("Sqrt", True, False)),
        (lambda tf, w, x: tf.reduce_sum(tf.where(w > 9.0, tf.math.log(0.0 * w), x[0])), ("Log", True, True)),
    ],
)
def test_it_names_what_went_wrong_first(patient: Callable[..., Patient], loss: Any, bad: Any) -> None:
    import tensorflow as tf

    found = run(patient(lambda weight, x, y: loss(tf, weight, x), X, W))

    assert not found.finite
    assert (found.bad.op_type, found.bad.backward, found.bad.nan) == bad
    assert found.bad.op.rpartition("/")[2] == bad[0]
