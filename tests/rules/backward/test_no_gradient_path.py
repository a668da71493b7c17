from __future__ import annotations

from nandoctor.rules.backward.no_gradient_path import NoGradientPath


def test_names_the_op_that_cuts_the_way(gradient_of, step_of):
    gradients = (
        gradient_of("dense/kernel", 0.0, stats=None, cut_by="model/ArgMax"),
        gradient_of("dense/bias", 0.0, stats=None, cut_by="model/ArgMax"),
        gradient_of("head/kernel", 0.5),
    )
    (finding,) = NoGradientPath().check(step_of(gradients=gradients))
    assert (finding.cause, finding.severity) == ("no-gradient-path", "warning")
    assert (finding.about, finding.location.op) == ("gradient:dense/kernel", "model/ArgMax")
    assert (finding.evidence["variables"], finding.evidence["all_variables"]) == (2, 3)
    assert finding.limits == {"variables": 0}


def test_a_deliberate_stop_and_an_unused_variable_are_notes(gradient_of, step_of):
    stopped = gradient_of("target/kernel", 0.0, stats=None, cut_by="model/StopGradient")
    unused = gradient_of("other/kernel", 0.0, stats=None)
    findings = list(NoGradientPath().check(step_of(gradients=(stopped, unused))))
    assert [finding.severity for finding in findings] == ["note", "note"]
    assert "does not depend on them" in findings[1].message


def test_without_a_backward_pass_nothing_is_known(gradient_of, step_of):
    missing = gradient_of("dense/kernel", 0.0, stats=None)
    assert not list(NoGradientPath().check(step_of(gradients=(missing,), backward=False)))
    assert not list(NoGradientPath().check(step_of(gradients=(gradient_of("dense/kernel", 0.1),))))
