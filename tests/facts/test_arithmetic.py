from __future__ import annotations

import numpy as np
import pytest

from nandoctor.facts import Operand, Origin
from nandoctor.facts.arithmetic import exact_bound, narrow_overflow, overflows
from nandoctor.stats import TensorStats

INF = float("inf")


def origin_of(op_type, *operands, dtype="float32"):
    made = tuple(
        Operand(index, dtype, np.shape(values), TensorStats.of(np.array(values)))
        for index, values in enumerate(operands)
    )
    return Origin(0, "op", "forward", "here", op_type, None, TensorStats.of(np.array([INF])), dtype, (1,), made)


@pytest.mark.parametrize(
    ("op_type", "operands", "bound"),
    [
        ("Mul", ([3.0], [-4.0]), 12.0),
        ("AddV2", ([3.0], [-4.0]), 7.0),
        ("SquaredDifference", ([3.0], [-4.0]), 49.0),
        ("Sum", ([3.0, -1.0],), 6.0),
        ("Prod", ([3.0, 2.0],), 9.0),
        ("RealDiv", ([3.0], [0.5, 2.0]), 6.0),
        ("RealDiv", ([3.0], [0.0]), INF),
        ("Reciprocal", ([0.25],), 4.0),
        ("Pow", ([0.5, 2.0], [-1.0, 3.0]), 8.0),
        ("MatMul", ([[1.0, 2.0]], [[3.0], [4.0]]), 16.0),
        ("Exp", ([1000.0],), INF),
        ("Exp", ([INF],), None),
        ("Lgamma", ([1.0],), None),
    ],
)
def test_the_bound_holds_for_any_order_of_the_sums(op_type, operands, bound):
    assert exact_bound(origin_of(op_type, *operands)) == bound


def test_an_overflow_is_narrow_if_float32_holds_the_result():
    narrow = origin_of("Mul", [300.0], [300.0], dtype="float16")
    wide = origin_of("Mul", [1e30], [1e30])
    assert (overflows(narrow), narrow_overflow(narrow)) == (True, True)
    assert (overflows(wide), narrow_overflow(wide)) == (True, False)
    assert not overflows(origin_of("Mul", [300.0], [300.0]))
