from __future__ import annotations

import pytest

from nandoctor.facts import AbsorbedFacts
from nandoctor.rules.forward.disparate_scales_in_op import DisparateScalesInOp


def added(absorbed=32, dtype="float32"):
    return AbsorbedFacts("net/add", "AddV2", "add", dtype, 32, absorbed, 1.9, 1e9, "net/dense/BiasAdd", "net/Const")


@pytest.mark.parametrize(
    ("dtype", "severity", "below"), [("float32", "warning", "2^-24"), ("bfloat16", "note", "2^-8")]
)
def test_what_was_computed_and_left_no_trace(dtype, severity, below, step_of):
    (finding,) = DisparateScalesInOp().check(step_of(absorbed=(added(dtype=dtype),)))

    assert (finding.cause, finding.severity, finding.about) == ("disparate-scales-in-op", severity, "layer:add")
    assert (finding.evidence["share"], finding.evidence["small"], finding.evidence["large"]) == (1.0, 1.9, 1e9)
    assert finding.limits == {"share": 0.99}
    assert f"{dtype} loses what is below {below}" in finding.message
    assert "smaller operand from net/dense/BiasAdd, up to 1.9, at 32 of 32 places" in finding.message


def test_silent_where_some_of_it_is_left(step_of):
    assert not list(DisparateScalesInOp().check(step_of(absorbed=(added(absorbed=31),))))
    assert not list(DisparateScalesInOp().check(step_of()))
