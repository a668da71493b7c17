from __future__ import annotations

import numpy as np

from nandoctor.facts import SourceLine, TermFacts
from nandoctor.rules.head.term_nonfinite import TermNonfinite
from nandoctor.stats import TensorStats

NAN = float("nan")


def term(op, values, outputs=(), origins=(), **fields):
    return TermFacts(op, "Mean", None, tuple(outputs), TensorStats.of(np.array(values)), tuple(origins), **fields)


def test_names_the_term_that_is_not_finite_and_the_range_of_the_others(step_of):
    line = SourceLine("losses.py", 5, "loss", "reg = -tf.reduce_mean(tf.math.log(p))")
    terms = (term("mse", [0.5, 2.0], ["price"]), term("log", [1.0, NAN], ["growth"], source=line))

    (finding,) = TermNonfinite().check(step_of(batches=2, terms=terms))

    assert (finding.cause, finding.severity, finding.about) == ("term-nonfinite", "error", "term:log")
    assert (finding.location.op, finding.location.file, finding.location.line) == ("log", "losses.py", 5)
    assert finding.evidence == {"batches": 1, "terms": 2, "nonfinite_terms": 1, "outputs": "growth"}
    assert "log (of output growth) is not finite in 1 of 2 batches" in finding.message
    assert "The other stays finite: mse (of output price), up to 2." in finding.message


def test_of_several_the_one_whose_values_went_bad_first(step_of):
    terms = (term("late", [NAN], origins=[4]), term("early", [NAN], origins=[1, 4], variables=("dense/kernel",)))

    (finding,) = TermNonfinite().check(step_of(terms=terms))

    assert finding.location.op == "early"
    assert "early (of dense/kernel) is not finite in the only batch. So is late" in finding.message


def test_silent_on_finite_terms_and_on_a_loss_of_one(step_of):
    assert not list(TermNonfinite().check(step_of(terms=(term("a", [1.0]), term("b", [2.0])))))
    assert not list(TermNonfinite().check(step_of(terms=(term("a", [NAN]),))))
    assert not list(TermNonfinite().check(step_of()))
