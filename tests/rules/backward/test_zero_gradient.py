from __future__ import annotations

from nandoctor.rules.backward.zero_gradient import ZeroGradient


def test_names_the_kernels_and_the_dead_layer(gradient_of, layer_of, step_of):
    gradients = (gradient_of("dense/kernel", 0.0), gradient_of("head/kernel", 0.5))
    layers = (layer_of("dense", "Relu", units=8, dead_units=8), layer_of("head", "BiasAdd", head=True))
    (finding,) = ZeroGradient().check(step_of(gradients=gradients, layers=layers))
    assert (finding.cause, finding.severity) == ("zero-gradient", "warning")
    assert (finding.about, finding.location.layer) == ("gradient:dense/kernel", "dense")
    assert (finding.evidence["kernels"], finding.evidence["all_kernels"]) == (1, 2)
    assert finding.limits == {"kernels": 0}
    assert "All 8 units of dense are 0" in finding.message


def test_names_the_saturated_layer(gradient_of, layer_of, step_of):
    layer = layer_of("dense", "Tanh", low_share=0.5, high_share=0.5)
    (finding,) = ZeroGradient().check(step_of(gradients=(gradient_of("dense/kernel", 0.0),), layers=(layer,)))
    assert "100.0% of the outputs of dense (Tanh) are pinned" in finding.message


def test_a_loss_of_exactly_zero_is_said_as_a_note(gradient_of, step_of):
    (finding,) = ZeroGradient().check(step_of(gradients=(gradient_of("dense/kernel", 0.0),), losses=(0.0,)))
    assert finding.severity == "note"
    assert "by rounding" in finding.message


def test_biases_embeddings_and_recurrent_kernels_may_be_zero(gradient_of, step_of):
    gradients = (
        gradient_of("dense/bias", 0.0, shape=(4,)),
        gradient_of("embedding/embeddings", 0.0),
        gradient_of("lstm/recurrent_kernel", 0.0),
        gradient_of("dense/kernel", 1e-12),
        gradient_of("unused/kernel", 0.0, stats=None),
    )
    assert not list(ZeroGradient().check(step_of(gradients=gradients)))


def test_a_last_kernel_that_starts_at_zero_opens_the_way(gradient_of, step_of):
    gradients = (gradient_of("dense/kernel", 0.0), gradient_of("head/kernel", 0.5, 0.0))
    (finding,) = ZeroGradient().check(step_of(gradients=gradients))
    assert finding.severity == "note"
    assert "head/kernel, is all 0 and has a gradient" in finding.message
