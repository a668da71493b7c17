from __future__ import annotations

import math
from dataclasses import replace

import pytest

from nandoctor.facts import GradientFacts, LayerFacts, LoopFacts, StepFacts
from nandoctor.stats import TensorStats

INF = float("inf")


@pytest.mark.parametrize(
    ("magnitudes", "growth"),
    [
        ([2.0**k for k in range(12)], 2.0),
        ([0.0, 0.0, *(3.0**k for k in range(12)), INF], 3.0),  # from 0, out of the range
        ([float(k) for k in range(1, 40)], None),  # a counter
        ([float(k**4) for k in range(1, 40)], None),  # a polynomial
        ([math.tanh(k / 4) for k in range(1, 40)], None),  # a bounded state
        ([0.5**k for k in range(12)], None),
        ([1.0, 2.0, 4.0], None),  # too few
        ([], None),
    ],
)
def test_only_geometric_growth_counts(magnitudes, growth):
    loop = LoopFacts("while", "op", "Mul", None, "float32", tuple(magnitudes))
    assert loop.growth == (growth if growth is None else pytest.approx(growth))


SOME_ZEROS = TensorStats(count=4, zeros=1)


def gradient_of(variable, stats=SOME_ZEROS):
    return GradientFacts(variable, variable.rpartition("/")[0], (2, 2), "float32", stats, 1.0, 1.0)


def test_kernels_come_in_the_order_in_which_their_layers_ran():
    names = ["b/kernel", "a/kernel", "b/bias", "gru/bias", "embedding/embeddings", "a/recurrent_kernel"]
    gradients = (*map(gradient_of, names), gradient_of("c/kernel", stats=None))
    layers = tuple(LayerFacts(name, name, "Relu", "float32", TensorStats(), 1) for name in ("a", "b"))
    step = StepFacts(1, 1, 1, (), (), layers, gradients)
    assert [gradient.variable for gradient in step.kernels] == ["a/kernel", "b/kernel"]


def test_a_table_whose_rows_are_looked_up_is_no_kernel_whatever_its_name():
    assert gradient_of("linear/content/weights").kernel
    assert not replace(gradient_of("linear/content/weights"), looked_up=True).kernel


def test_a_gradient_has_vanished_if_each_element_is_zero():
    assert gradient_of("a/kernel", stats=TensorStats(count=4, zeros=4)).vanished
    assert not gradient_of("a/kernel").vanished
    assert not gradient_of("a/kernel", stats=None).vanished
