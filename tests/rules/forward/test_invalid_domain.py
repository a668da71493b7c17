from __future__ import annotations

import pytest

from nandoctor.rules.forward.invalid_domain import InvalidDomain

INF, NAN = float("inf"), float("nan")


def test_counts_what_lies_outside_and_names_the_domain(origin_of, step_of):
    (finding,) = InvalidDomain().check(step_of(origin_of("Sqrt", [4.0, -1.0, -9.0], result=[2.0, NAN, NAN])))
    assert (finding.cause, finding.severity, finding.about) == ("invalid-domain", "error", "origin:0")
    assert finding.location.op == "model/here"
    assert (finding.evidence["outside"], finding.evidence["lowest_outside"]) == (2, -9.0)
    assert finding.limits == {"outside": 0}
    assert "0 or more" in finding.message


@pytest.mark.parametrize(
    ("op_type", "operands", "result"),
    [
        ("Rsqrt", ([-1.0],), NAN),
        ("Pow", ([-2.0], 0.5), NAN),
        ("Pow", ([0.0], -1.0), INF),
        ("Acos", ([1.5],), NAN),
        ("Atanh", ([1.0],), INF),
        ("Acosh", ([0.5],), NAN),
        ("Lgamma", ([-1.0],), INF),
        ("Digamma", ([0.0],), NAN),
        ("Erfinv", ([1.0],), INF),
    ],
)
def test_each_function_has_its_domain(op_type, operands, result, origin_of, step_of):
    assert list(InvalidDomain().check(step_of(origin_of(op_type, *operands, result=[result]))))


@pytest.mark.parametrize(
    ("op_type", "operands", "result"),
    [
        ("Rsqrt", ([0.0],), INF),  # a division by zero
        ("Pow", ([1e30], 2.0), INF),  # an overflow
        ("Lgamma", ([1e38],), INF),  # an overflow
        ("Sqrt", ([NAN],), NAN),  # not made here
    ],
)
def test_other_faults_of_these_functions_are_left_to_their_rules(op_type, operands, result, origin_of, step_of):
    assert not list(InvalidDomain().check(step_of(origin_of(op_type, *operands, result=[result]))))


def test_a_negative_variance_of_a_fused_batch_normalization(origin_of, step_of):
    operands = ([[1.0]], [1.0], [0.0], [0.0], [-2.0])
    origin = origin_of("FusedBatchNormV3", *operands, result=[[NAN]], elementwise=False)
    (finding,) = InvalidDomain().check(step_of(origin))
    assert "variance" in finding.message
