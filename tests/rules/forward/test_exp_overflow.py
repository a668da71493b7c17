from __future__ import annotations

import pytest

from nandoctor.facts import LoopFacts
from nandoctor.rules.forward.exp_overflow import ExpOverflow

INF = float("inf")


@pytest.mark.parametrize(("dtype", "limit"), [("float32", 88.72), ("float64", 709.78), ("bfloat16", 88.72)])
def test_names_the_argument_and_the_dtype_limit(dtype, limit, origin_of, step_of):
    origin = origin_of("Exp", [1.0, 1000.0], result=[2.7, INF], dtype=dtype)
    (finding,) = ExpOverflow().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("exp-overflow", "error", "origin:0")
    assert finding.location.layer == "here"
    assert finding.evidence["argument"] == 1000.0
    assert finding.limits["argument"] == pytest.approx(limit, abs=0.01)
    assert f"above {limit:.2f}" in finding.message


def test_what_float32_would_hold_is_left_to_float16_overflow(origin_of, step_of):
    assert not list(ExpOverflow().check(step_of(origin_of("Exp", [12.0], result=[INF], dtype="float16"))))


def test_an_infinite_argument_is_no_overflow(origin_of, step_of):
    assert not list(ExpOverflow().check(step_of(origin_of("Exp", [INF], result=[INF]))))


def test_a_growing_loop_explains_it_better(origin_of, step_of):
    origin = origin_of("Exp", [100.0], result=[INF], loop_iteration=9)
    loop = LoopFacts("while", "model/here", "Exp", "here", "float32", tuple(10.0**k for k in range(9)))
    assert not list(ExpOverflow().check(step_of(origin, loops=(loop,))))


@pytest.mark.parametrize(
    ("readers", "form"),
    [
        (("RealDiv", "Sum", "Sum/RealDiv"), "tf.nn.softmax"),
        (("Sum", "Sum/Log"), "tf.reduce_logsumexp"),
        (("AddV2", "AddV2/Log"), "tf.nn.softplus"),
        (("Log1p",), "tf.nn.softplus"),
        (("AddV2", "AddV2/RealDiv"), "tf.nn.sigmoid"),
    ],
)
def test_a_form_written_by_hand_is_told_by_the_ops_that_read_the_exponential(readers, form, origin_of, step_of):
    (finding,) = ExpOverflow().check(step_of(origin_of("Exp", [100.0], result=[INF], readers=readers)))

    assert [remedy.id for remedy in finding.remedies] == ["stable-form", "clip-argument"]
    assert form in finding.remedies[0].title


def test_an_exponential_that_is_no_part_of_such_a_form_is_only_bounded(origin_of, step_of):
    (finding,) = ExpOverflow().check(step_of(origin_of("Exp", [100.0], result=[INF], readers=("Mul", "Mul/AddV2"))))

    assert [remedy.title for remedy in finding.remedies] == [
        "Bound the argument: tf.math.exp(tf.clip_by_value(the argument, -20.0, 20.0))"
    ]
