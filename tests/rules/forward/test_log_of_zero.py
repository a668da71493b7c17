from __future__ import annotations

import pytest

from nandoctor.facts import SourceLine
from nandoctor.rules.forward.log_of_zero import LogOfZero

INF = float("inf")


def test_counts_the_zeros_and_says_where_they_come_from(origin_of, step_of):
    origin = origin_of("Log", [0.0, 0.0, 0.5, 1.0], result=[-INF, -INF, -0.7, 0.0], made_by="Softmax")
    (finding,) = LogOfZero().check(step_of(origin))
    assert (finding.cause, finding.severity, finding.about) == ("log-of-zero", "error", "origin:0")
    assert (finding.location.op, finding.location.layer, finding.location.rows) == ("model/here", "here", (1,))
    assert finding.evidence["zeros"] == 2
    assert (finding.evidence["minimum"], finding.evidence["maximum"]) == (0.0, 1.0)
    assert finding.limits == {"zeros": 0}
    assert "2 of 4 values" in finding.message
    assert "come from the softmax" in finding.message


@pytest.mark.parametrize(("op_type", "argument"), [("Log1p", [-1.0, 0.0]), ("Xlog1py", [-1.0, 0.0])])
def test_log1p_is_singular_at_minus_one(op_type, argument, origin_of, step_of):
    operands = [argument] if op_type == "Log1p" else [[1.0, 1.0], argument]
    (finding,) = LogOfZero().check(step_of(origin_of(op_type, *operands, result=[-INF, 0.0], made_by="Relu")))
    assert "exactly -1" in finding.message
    assert "ReLU" not in finding.message


def test_what_is_masked_away_is_a_note(origin_of, step_of):
    (finding,) = LogOfZero().check(step_of(origin_of("Log", [0.0], result=[-INF], reaches=())))
    assert finding.severity == "note"


def test_other_arguments_and_other_ops_are_left_to_their_rules(origin_of, step_of):
    negative = origin_of("Log", [0.0, -2.0], result=[-INF, float("nan")])
    infinite = origin_of("Log", [INF], result=[INF])
    exponential = origin_of("Exp", [0.0], result=[INF])
    assert not list(LogOfZero().check(step_of(negative, infinite, exponential)))


@pytest.mark.parametrize(("made_by", "offered"), [("Softmax", True), ("Sigmoid", True), ("Abs", False), (None, False)])
def test_logits_are_offered_where_probabilities_made_the_zeros(made_by, offered, origin_of, step_of):
    (finding,) = LogOfZero().check(step_of(origin_of("Log", [0.0, 1.0], result=[-INF, 0.0], made_by=made_by)))

    assert ("loss-from-logits" in [remedy.id for remedy in finding.remedies]) is offered


def test_the_remedy_quotes_the_users_own_line(origin_of, step_of):
    line = SourceLine("vae.py", 22, "call", "kl = 1 + 2 * tf.math.log(sigma) - mu")
    (finding,) = LogOfZero().check(step_of(origin_of("Log", [0.0, 1.0], result=[-INF, 0.0], source=line)))

    assert finding.remedies[-1].title == "Keep the argument above zero: tf.math.log(tf.math.maximum(sigma, 1e-7))"
