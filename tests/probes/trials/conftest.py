"""Captured steps of one weight, as ones to operate on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nandoctor.diagnosis.diagnose import diagnose
from nandoctor.diagnosis.treatment import treated
from nandoctor.facts import Facts, RunFacts, TripFacts
from nandoctor.finding import Finding, Tool
from nandoctor.probes.steps.naming import is_gradient
from nandoctor.probes.watch.capture import Fed, Held, StepCapture

if TYPE_CHECKING:
    from nandoctor.probes.trials.patient import Patient

KNOWN = Facts(
    Tool("nandoctor", "1", "2", "3", "3.11"), run=RunFacts("train.py", 4, trip=TripFacts("loss", 3, learning_rate=0.1))
)
LINE = ("train.py", 12, "my_loss", "return loss")
Loss = Callable[[Any, Any, Any], Any]


@pytest.fixture
def captured() -> Callable[..., StepCapture]:
    """As the one for all tests, with backward ops that are named after their forward ops, as those of a run are."""
    import tensorflow as tf

    def make(loss: Loss, x: Any, y: Any, weight: Any, after: Callable[[Any], Any] = lambda one: one) -> StepCapture:
        variable = tf.Variable(weight, name="weight")
        labels = tf.convert_to_tensor(y)

        @tf.function(autograph=False)
        def step(x: Any, y: Any) -> tuple[Any, Any]:
            value = loss(variable, x, y)
            (gradient,) = tf.gradients(value, [variable])
            return value, after(gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient)

        traced = step.get_concrete_function(
            tf.TensorSpec([None, *np.shape(x)[1:]], tf.float32, "x"), tf.TensorSpec([None], labels.dtype, "y")
        )
        given, (value, gradient) = traced.graph.inputs, traced.graph.outputs
        return StepCapture(
            graph=traced.graph.as_graph_def().SerializeToString(),
            fed=(
                Fed("x", given[0].name, "input", np.asarray(x, np.float32)),
                Fed("y", given[1].name, "label", labels.numpy()),
            ),
            held=(Held("weight", given[2].name, True, variable.numpy()),),
            results=(("loss", "", value.name), ("gradient", "weight", gradient.name)),
            lines={op.name: LINE for op in traced.graph.get_operations() if not is_gradient(op.name)},
        )

    return make


@pytest.fixture
def patient(captured: Any) -> Callable[..., Patient]:
    """`patient(loss, x, weight, y=)`: the step that takes the gradient of `loss(weight, x, y)`."""
    from nandoctor.probes.trials.captured import captured_patient
    from nandoctor.probes.trials.patient import Patient

    def make(loss: Loss, x: Any, weight: Any, y: Any = None) -> Patient:
        labels = np.zeros(len(x), np.float32) if y is None else y
        found = captured_patient(captured(loss, x, labels, weight), KNOWN)
        assert isinstance(found, Patient)
        return found

    return make


@pytest.fixture
def first(captured: Any) -> Callable[..., Finding]:
    """`first(loss, x, weight, y=, after=)`: the first finding of that step, with its remedies tried.

    `after` is what the script does with the gradient.
    """
    from nandoctor.probes.trials.captured import captured_patient
    from nandoctor.probes.trials.surgery import trials
    from nandoctor.probes.watch.failure import facts_of

    def make(loss: Loss, x: Any, weight: Any, y: Any = None, **further: Any) -> Finding:
        labels = np.zeros(len(x), np.float32) if y is None else y
        capture = captured(loss, x, labels, weight, **further)
        facts = facts_of(capture, KNOWN)
        report = diagnose(facts)
        return treated(report, trials(captured_patient(capture, facts), facts, report.findings)).findings[0]

    return make
