from __future__ import annotations

import numpy as np

from nandoctor.rules.data.contradicting_labels import ContradictingLabels


def test_equal_rows_of_different_classes_bound_what_a_model_can_reach(table, normal):
    values = np.repeat(normal(100, 1)[:, 0], 2)
    classes = np.zeros(200)
    classes[1:20:2] = 1

    (finding,) = ContradictingLabels().check(table({"a": values, "y": classes}, target="y"))

    assert (finding.cause, finding.severity, finding.about) == ("contradicting-labels", "note", "label:y")
    assert (finding.evidence["wrong"], finding.evidence["share"]) == (10, 0.05)
    assert finding.location.dataset_rows[:3] == (0, 1, 2)


def test_silent_on_agreement_and_on_regression(table, normal):
    values = np.repeat(normal(100, 1)[:, 0], 2)

    assert not list(ContradictingLabels().check(table({"a": values, "y": np.repeat([0, 1], 100)}, target="y")))
    assert not list(ContradictingLabels().check(table({"a": values, "y": normal(200)[:, 0]}, target="y")))
