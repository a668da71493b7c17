"""Forms written by hand are told from what only looks like them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nandoctor.probes.steps.flow import Node
from nandoctor.probes.steps.naming import is_gradient
from nandoctor.probes.trials.forms import Form, log_cosh, loss_from_logits, stable_form
from nandoctor.probes.trials.patient import Patient

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
W = np.array([0.5, -1.0, 2.0], np.float32)


def op(patient: Patient, op_type: str) -> Node:
    nodes = patient.step.flow.nodes.values()
    return next(one for one in nodes if one.instruction.op_type == op_type and not is_gradient(one.instruction.name))


def agrees(patient: Patient, form: Form) -> bool:
    """Whether loss and gradient are the same with the form, on values that are harmless for both."""
    losses = [place for place, (kind, _) in enumerate(patient.step.results) if kind == "loss"]
    before = patient.run(patient.batch_of(0), losses)
    after = patient.run(patient.batch_of(0), losses, form.surgery)
    close = np.allclose(after.gradients["weight"], before.gradients["weight"], rtol=1e-3, atol=1e-6)
    return bool(np.isclose(after.loss, before.loss, rtol=1e-5)) and close


def softmax(tf: Any, z: Any) -> Any:
    exponentials = tf.exp(z)
    return (exponentials / tf.reduce_sum(exponentials, axis=1)[:, tf.newaxis])[:, 0]


def sigmoid(tf: Any, z: Any) -> Any:
    exponentials = tf.exp(z)
    return exponentials / (exponentials + 1.0)


FORMS: dict[str, Callable[[Any, Any], Any]] = {
    "softmax(x)": softmax,
    "reduce_logsumexp(x)": lambda tf, z: tf.math.log(tf.reduce_sum(tf.exp(z), axis=1)),
    "softplus(x)": lambda tf, z: tf.math.log(1.0 + tf.exp(z)),
    "sigmoid(x)": sigmoid,
    "sigmoid(-x)": lambda tf, z: 1.0 / (1.0 + tf.exp(z)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_made_of_an_exponential_is_found_and_gives_the_same(patient: Callable[..., Patient], form: str) -> None:
    import tensorflow as tf

    one = patient(lambda weight, x, y: tf.reduce_mean(FORMS[form](tf, weight * x)), X, W)

    found = stable_form(one.step, op(one, "Exp"))

    assert found is not None
    assert found.tried == form
    assert agrees(one, found)


@pytest.mark.parametrize(
    "unlike",
    [
        lambda tf, z: tf.math.log(2.0 + tf.exp(z)),
        lambda tf, z: tf.exp(z) / tf.reduce_sum(z, axis=1, keepdims=True),
        lambda tf, z: 2.0 / (1.0 + tf.exp(z)),
    ],
)
def test_what_only_looks_like_one_is_left_alone(patient: Callable[..., Patient], unlike: Any) -> None:
    import tensorflow as tf

    one = patient(lambda weight, x, y: tf.reduce_mean(unlike(tf, weight * x)), X, W)

    assert stable_form(one.step, op(one, "Exp")) is None


def test_the_logarithm_of_a_hyperbolic_cosine(patient: Callable[..., Patient]) -> None:
    import tensorflow as tf

    one = patient(lambda weight, x, y: tf.reduce_mean(tf.math.log(tf.cosh(weight * x))), X, W)

    found = log_cosh(one.step, op(one, "Cosh"))

    assert found is not None
    assert agrees(one, found)


@pytest.mark.parametrize(
    "picked",
    [
        lambda tf, z: tf.nn.softmax(z),
        lambda tf, z: tf.gather(tf.nn.softmax(z), [1, 0], axis=1),
        lambda tf, z: tf.sigmoid(z)[:, 1],
        lambda tf, z: 1.0 - tf.sigmoid(z),
    ],
)
def test_a_logarithm_of_chances_is_taken_from_the_logits(patient: Callable[..., Patient], picked: Any) -> None:
    import tensorflow as tf

    one = patient(lambda weight, x, y: tf.reduce_mean(tf.math.log(picked(tf, weight * x))), X, W)

    found = loss_from_logits(one.step, op(one, "Log"))

    assert found is not None
    assert agrees(one, found)


@pytest.mark.parametrize(
    "other",
    [
        lambda tf, z: tf.exp(z),
        lambda tf, z: tf.reduce_sum(tf.nn.softmax(z)[:, :2], axis=1),
        lambda tf, z: 1.0 - tf.nn.softmax(z),
    ],
)
def test_the_logarithm_of_anything_else_is_not(patient: Callable[..., Patient], other: Any) -> None:
    import tensorflow as tf

    one = patient(lambda weight, x, y: tf.reduce_mean(tf.math.log(other(tf, weight * x))), X, W)

    assert loss_from_logits(one.step, op(one, "Log")) is None
