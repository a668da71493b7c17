from __future__ import annotations

import pytest

from nandoctor.facts import DataFacts
from nandoctor.rules.forward.dead_relu import DeadRelu


def test_a_dead_layer_over_enough_rows(layer_of, step_of):
    layer = layer_of("dense", "Relu", units=64, dead_units=60)
    (finding,) = DeadRelu().check(step_of(layers=(layer,), rows=1000))
    assert (finding.cause, finding.severity, finding.about) == ("dead-relu", "warning", "layer:dense")
    assert finding.location.layer == "dense"
    assert (finding.evidence["dead_units"], finding.evidence["units"], finding.evidence["rows"]) == (60, 64, 1000)
    assert finding.limits == {"share": 0.9, "rows": 1000}


@pytest.mark.parametrize(("seen", "in_all", "reported"), [(64, 64, True), (64, 65, False), (1000, 5000, True)])
def test_few_rows_are_enough_only_if_they_are_all(seen, in_all, reported, layer_of, step_of):
    step = step_of(layers=(layer_of("dense", "Relu", units=8, dead_units=8),), rows=seen)
    assert bool(list(DeadRelu().check(step, DataFacts("x.npz", in_all, ())))) == reported


def test_few_rows_of_unknown_data_say_nothing(layer_of, step_of):
    assert not list(DeadRelu().check(step_of(layers=(layer_of("dense", "Relu", units=8, dead_units=8),), rows=999)))


@pytest.mark.parametrize("dead", [0, 16, 32, 57])
def test_sparsity_and_half_dead_channels_are_healthy(dead, layer_of, step_of):
    layer = layer_of("convolution", "Relu", units=64, dead_units=dead)
    assert not list(DeadRelu().check(step_of(layers=(layer,), rows=5000)))
