from __future__ import annotations

import math

import numpy as np
import pytest

from nandoctor.facts import ArrayFacts, DataFacts, HeadFacts, SubjectFacts, VariableFacts, WeightFacts
from nandoctor.rules.weights.huge_weights import HugeWeights
from nandoctor.stats import TensorStats

INF = math.inf


def kernel(layer, scale, inputs=16, units=4, role="kernel", **fields):
    values = scale * np.random.default_rng(0).normal(size=(inputs, units)) / math.sqrt(inputs)
    return VariableFacts(
        f"{layer}/{role}", layer, role, values.shape, "float32", True, TensorStats.of(values),
        **{"fan_in": inputs, "units": units, **fields},
    )  # fmt: skip


def subject(*heads):
    found = tuple(HeadFacts(name, name, None, None, 1, (None, 1), "float32", "linear") for name in heads)
    return SubjectFacts("keras", "m.keras", ".keras file", None, (), found)


def data(largest):
    stats = TensorStats.of(np.array([0.0, largest]))
    return DataFacts("d.npz", 2, (ArrayFacts("x", "input", "x", "float32", (2, 1), stats),))


def overflow(origin_of, **fields):
    return origin_of("MatMul", [1e30], [1e10], result=[INF], elementwise=False, **fields)


def test_a_gain_of_hundreds_is_a_warning_that_does_not_say_who_made_it():
    (finding,) = HugeWeights().check(WeightFacts((kernel("a", 200.0), kernel("b", 1.0))))

    assert (finding.cause, finding.severity, finding.about) == ("huge-weights", "warning", "variable:a/kernel")
    assert finding.evidence["gain"] == pytest.approx(200, rel=0.2)
    assert finding.limits == {"gain": 1e2, "share": 0.25}
    assert "Whether initialization or training made it so, the weights do not tell" in finding.message


def test_gains_that_use_up_a_quarter_of_the_range_are_the_cause_of_an_overflow(origin_of, step_of):
    weights = WeightFacts((kernel("a", 1e19), kernel("b", 1e19)))

    (finding,) = HugeWeights().check(weights, step_of(overflow(origin_of)), subject("b"), data(3.0))

    assert finding.severity == "error"
    assert finding.evidence["kernels"] == 2
    assert finding.evidence["powers_of_two"] == pytest.approx(126, abs=1)
    assert "float32 overflows at 2^128" in finding.message


def test_inputs_that_are_larger_than_the_gains_are_not_the_weights_fault(origin_of, step_of):
    weights = WeightFacts((kernel("a", 1e11), kernel("b", 1.0)))

    (finding,) = HugeWeights().check(weights, step_of(overflow(origin_of)), subject("b"), data(1e30))

    assert finding.severity == "warning"


def test_an_overflow_that_reaches_nothing_makes_no_error(origin_of, step_of):
    (finding,) = HugeWeights().check(WeightFacts((kernel("a", 1e19),)), step_of(overflow(origin_of, reaches=())))

    assert finding.severity == "warning"


def test_silent_on_usual_kernels_on_heads_and_on_what_is_no_kernel():
    rule = HugeWeights()

    assert not list(rule.check(WeightFacts((kernel("a", 1.41), kernel("b", 50.0)))))
    assert not list(rule.check(WeightFacts((kernel("a", 1.0), kernel("price", 1e5))), subject=subject("price")))
    assert not list(rule.check(WeightFacts((kernel("a", 1e5, role="bias", fan_in=None),))))
    assert not list(rule.check(WeightFacts((kernel("depthwise_conv", 1e5),))))
