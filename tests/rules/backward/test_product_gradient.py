from __future__ import annotations

import pytest

from nandoctor.rules.backward.exploding_gradient import ExplodingGradient
from nandoctor.rules.backward.product_gradient import ProductGradient

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize("op_type", ["Prod", "Cumprod"])
def test_the_product_of_the_other_factors_overflows(op_type, origin_of, step_of):
    origin = origin_of("Cumprod", [0.0, 1e30, 1e30], result=[0.0, INF, 1e30], elementwise=False, gradient_of=op_type)
    (finding,) = ProductGradient().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("product-gradient", "error", "origin:0")
    assert (finding.location.op_type, finding.location.phase) == (op_type, "backward")
    assert (finding.evidence["zeros"], finding.evidence["largest_operand"]) == (1, 1e30)
    assert finding.limits["largest_number"] == pytest.approx(3.4028e38, rel=1e-4)
    assert not list(ExplodingGradient().check(step_of(origin)))


def test_what_follows_from_it_and_other_gradients_are_silent(origin_of, step_of):
    follows = origin_of("Mul", [0.0], [INF], result=[NAN], gradient_of="Prod", parents=(9,))
    other = origin_of("Mul", [1e30], [1e30], result=[INF], gradient_of="Mul", id=1)
    assert not list(ProductGradient().check(step_of(follows, other)))
