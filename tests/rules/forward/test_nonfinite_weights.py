from __future__ import annotations

import numpy as np

from nandoctor.facts import VariableFacts, WeightFacts
from nandoctor.rules.forward.nonfinite_weights import NonfiniteWeights
from nandoctor.stats import TensorStats

INF, NAN = float("inf"), float("nan")


def variable_of(values, role="kernel", **fields):
    array = np.array(values)
    given = {"name": "dense/kernel", "layer": "dense", "dtype": "float32", "trainable": True}
    return VariableFacts(**{**given, "role": role, "shape": array.shape, "stats": TensorStats.of(array), **fields})


def check(*variables):
    return list(NonfiniteWeights().check(WeightFacts(variables)))


def test_counts_and_the_first_index():
    (finding,) = check(variable_of([[1.0, NAN], [INF, -INF]], first_bad=(0, 1)))
    assert (finding.cause, finding.severity, finding.about) == ("nonfinite-weights", "error", "variable:dense/kernel")
    assert finding.location.layer == "dense"
    assert (finding.evidence["nan"], finding.evidence["inf"], finding.evidence["elements"]) == (1, 2, 3)
    assert finding.limits == {"elements": 0}
    assert "index [0, 1]" in finding.message


def test_a_negative_moving_variance():
    (finding,) = check(variable_of([1.0, -0.5], "moving-variance", name="bn/moving_variance", trainable=False))
    assert finding.severity == "error"
    assert (finding.evidence["variance"], finding.limits["variance"]) == (-0.5, 0.0)


def test_a_buffer_of_minus_infinity_is_a_mask():
    (finding,) = check(variable_of([0.0, -INF], "other", name="mask", trainable=False))
    assert finding.severity == "note"


def test_ordinary_weights_are_silent():
    assert not check(variable_of([[-1.0, 2.0]]), variable_of([0.0, 1.0], "moving-variance"), variable_of([], "other"))
