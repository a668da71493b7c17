from __future__ import annotations

import numpy as np

from nandoctor.rules.data.leak import Leak


def test_a_scaled_copy_of_the_target_is_a_warning(table, normal):
    values = normal(200, 3)

    (finding,) = Leak().check(table({"a": values[:, 0], "b": values[:, 1], "y": 3 * values[:, 1] + 2}, target="y"))

    assert (finding.cause, finding.severity, finding.about) == ("leak", "warning", "label:y")
    assert finding.location.columns == ("b",)
    assert finding.evidence["correlation"] > 0.999999
    assert finding.limits == {"correlation": 0.999, "rows": 20}


def test_the_same_classes_under_other_numbers(table):
    classes = np.arange(90) % 3

    (finding,) = Leak().check(table({"code": np.array([7, 3, 5])[classes], "y": classes}, target="y"))

    assert finding.location.columns == ("code",)


def test_silent_on_a_good_predictor_and_on_few_rows(table, normal):
    values = normal(200, 2)
    close = values[:, 0] + 0.1 * values[:, 1]

    assert not list(Leak().check(table({"a": values[:, 0], "y": close}, target="y")))
    assert not list(Leak().check(table({"a": np.arange(10), "y": np.arange(10)}, target="y")))
    assert not list(Leak().check(table({"a": values[:, 0], "b": values[:, 0]}))), "there is no target"
