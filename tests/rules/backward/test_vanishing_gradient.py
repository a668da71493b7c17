from __future__ import annotations

import pytest

from nandoctor.rules.backward.vanishing_gradient import VanishingGradient


def test_compares_the_first_kernel_with_the_last(gradient_of, step_of):
    gradients = (
        gradient_of("first/kernel", 1e-7),
        gradient_of("between/kernel", 1e-4),
        gradient_of("last/kernel", 0.5),
    )
    (finding,) = VanishingGradient().check(step_of(gradients=gradients))
    assert (finding.cause, finding.severity) == ("vanishing-gradient", "warning")
    assert (finding.about, finding.location.layer) == ("gradient:first/kernel", "first")
    assert finding.evidence["ratio"] == pytest.approx(2e-7)
    assert finding.evidence["norm"] == 1e-7
    assert finding.limits == {"ratio": 1e-3, "norm": 1e-4, "loss": 1e-6}


def test_first_means_first_to_run(gradient_of, layer_of, step_of):
    gradients = (gradient_of("last/kernel", 0.5), gradient_of("first/kernel", 1e-7))
    layers = (layer_of("first", "Sigmoid"), layer_of("last", "BiasAdd"))
    (finding,) = VanishingGradient().check(step_of(gradients=gradients, layers=layers))
    assert finding.about == "gradient:first/kernel"


@pytest.mark.parametrize(
    ("first", "first_weight", "last", "loss"),
    [
        (1e-7, 1.0, 2e-7, 1e-3),  # converged: all are tiny together
        (1e-5, 1.0, 5e-3, 1.0),  # a ratio of 2e-3
        (2e-4, 1.0, 10.0, 1.0),  # small beside the last, not small
        (1e-7, 1.0, 0.5, 0.0),  # nothing left to learn
        (1e-7, 1e-6, 1e-3, 1.0),  # small weights with a gradient in proportion
        (0.0, 1.0, 0.5, 1.0),  # exactly zero is another cause
    ],
)
def test_healthy_gradients_are_silent(*, first, first_weight, last, loss, gradient_of, step_of):
    gradients = (gradient_of("first/kernel", first, first_weight), gradient_of("last/kernel", last))
    assert not list(VanishingGradient().check(step_of(gradients=gradients, losses=(loss,))))


def test_biases_and_embeddings_are_not_compared(gradient_of, step_of):
    gradients = (
        gradient_of("embedding/embeddings", 1e-9),
        gradient_of("dense/bias", 1e-9, shape=(4,)),
        gradient_of("dense/kernel", 0.5),
    )
    assert not list(VanishingGradient().check(step_of(gradients=gradients)))


def test_kernels_side_by_side_are_judged_by_the_largest_gradient(gradient_of, step_of):
    gradients = (
        gradient_of("attention/query/kernel", 1e-6, reads="embedding"),
        gradient_of("attention/value/kernel", 0.2, reads="embedding"),
        gradient_of("head/kernel", 0.5, reads="attention"),
    )
    assert not list(VanishingGradient().check(step_of(gradients=gradients)))
