from __future__ import annotations

import pytest

from nandoctor.rules.forward.saturation import Saturation


def test_names_both_ends_and_the_limit(layer_of, step_of):
    layer = layer_of("dense", "Tanh", low_share=0.45, high_share=0.5)
    (finding,) = Saturation().check(step_of(layers=(layer,)))
    assert (finding.cause, finding.severity, finding.about) == ("saturation", "warning", "layer:dense")
    assert (finding.location.layer, finding.location.op_type) == ("dense", "Tanh")
    assert finding.evidence["share"] == pytest.approx(0.95)
    assert finding.limits == {"share": 0.9, "noted": 0.5}
    assert "45.0% at -1" in finding.message


def test_a_layer_seen_in_two_passes_is_reported_once(layer_of, step_of):
    layers = [layer_of("dense", "Sigmoid", low_share=1.0, high_share=0.0, inference=pass_) for pass_ in (True, False)]
    assert len(list(Saturation().check(step_of(layers=tuple(layers))))) == 1


@pytest.mark.parametrize(
    ("op_type", "fields"),
    [
        ("Tanh", {"low_share": 0.2, "high_share": 0.2}),
        ("Sigmoid", {"low_share": 0.5, "high_share": 0.5, "head": True}),  # a certain classifier
        ("Softmax", {"low_share": 0.97, "high_share": 0.03}),  # attention
        ("Relu", {}),
    ],
)
def test_healthy_layers_are_silent(op_type, fields, layer_of, step_of):
    assert not list(Saturation().check(step_of(layers=(layer_of("layer", op_type, **fields),))))


def test_the_limit_can_be_set(layer_of, step_of):
    layer = layer_of("dense", "Tanh", low_share=0.3, high_share=0.3)
    (finding,) = Saturation(share=0.5).check(step_of(layers=(layer,)))
    assert finding.severity == "warning"
    assert finding.limits == {"share": 0.5, "noted": 0.5}


def test_a_layer_that_is_pinned_for_the_most_part_is_noted(layer_of, step_of):
    (finding,) = Saturation().check(step_of(layers=(layer_of("dense", "Tanh", low_share=0.4, high_share=0.4),)))
    assert finding.severity == "note"
